-- What to talk about in the quarterly business review of a branch: last quarter's actions first, then results, funnel, people, open
-- deals and what comes next, with the proposal. Actions, results, funnel and open deals are as known at the close of the quarter.
with books as (
    select * from {{ ref('int_plan_books') }} where period_type = 'quarter'
),

branches as (
    select books.*, scopes.scope_key, scopes.entity_id as branch_id, scopes.entity_name, scopes.partner_id
    from {{ ref('int_scopes') }} as scopes
    inner join {{ ref('dim_branch') }} as dim on scopes.entity_id = dim.branch_id
    inner join books
        on coalesce(dim.opened_on, {{ since_ever() }}) <= books.period_end and coalesce(dim.closed_on, {{ for_ever() }}) > books.period_end
    where scopes.organisation = 'as_is' and scopes.scope = 'branch' and not scopes.is_special
),

actions as (
    select
        book, entity_id as branch_id,
        sum(case when status != 'cancelled' then 1 else 0 end) as due,
        sum(case when status = 'on_time' then 1 else 0 end) as on_time,
        sum(case when status = 'late' then 1 else 0 end) as late,
        sum(case when status in ('overdue', 'open') then 1 else 0 end) as not_done
    from {{ ref('int_plan_actions') }}
    where scope = 'branch' and is_agreed
    group by book, entity_id
),

figures as (
    select
        book, branch_id,
        sum(case when measure = 'deals_new' then amount end) as deals_new,
        sum(case when measure = 'deals_qualified' then amount end) as deals_qualified,
        sum(case when measure = 'deals_won' then amount end) as deals_won,
        sum(case when measure = 'deals_lost' then amount end) as deals_lost,
        sum(case when measure = 'won_amount' then amount end) as won_amount,
        sum(case when measure = 'open_deals' then amount end) as open_deals,
        sum(case when measure = 'pipeline_amount' then amount end) as pipeline_amount
    from {{ ref('int_review_figures') }}
    group by book, branch_id
),

goals as (
    select book, entity_id as branch_id, sum(target) as target
    from {{ ref('int_plan_goals') }}
    where scope = 'branch' and metric = 'won_amount' and book like 'quarter%'
    group by book, entity_id
),

next_goals as (
    select branches.book, branches.branch_id, sum(goals.target) as target
    from branches
    inner join {{ ref('int_plan_goals') }} as goals
        on
            branches.branch_id = goals.entity_id and goals.month > branches.period_end
            and goals.month <= {{ add_months('branches.period_end', 3) }}
    where goals.book = 'today' and goals.scope = 'branch' and goals.metric = 'won_amount'
    group by branches.book, branches.branch_id
),

next_actions as (
    select branches.book, branches.branch_id, count(*) as actions
    from branches
    inner join {{ ref('int_plan_actions') }} as actions
        on
            branches.branch_id = actions.entity_id and actions.due_on > branches.period_end
            and actions.due_on <= {{ add_months('branches.period_end', 3) }}
    where actions.book = 'today' and actions.scope = 'branch' and actions.status != 'cancelled'
    group by branches.book, branches.branch_id
),

heads as (
    select
        books.book, people.branch_id_current as branch_id, people.rep_id, people.valid_from, people.previous_head_id,
        row_number() over (
            partition by books.book, people.branch_id_current order by people.valid_from desc nulls last, people.rep_id
        ) as place
    from books
    inner join {{ ref('int_key_people') }} as people
        on people.role = 'branch_head' and {{ is_within('books.period_end', 'people.valid_from', 'people.valid_to') }}
),

meetings as (
    select books.book, meetings.branch_id, min(meetings.occurred_on) as qbr_on, max(meetings.executives) as executives
    from books
    inner join {{ ref('int_qbrs') }} as meetings
        on
            meetings.activity_type = 'qbr' and meetings.is_held
            -- The review of a quarter is held in the next one.
            and meetings.occurred_on > books.period_end and meetings.occurred_on <= {{ add_months('books.period_end', 3) }}
    group by books.book, meetings.branch_id
),

forecasts as (
    select entity_id as branch_id, forecast_on, forecast_amount_p10, forecast_amount_p50, forecast_amount_p90
    from {{ ref('forecast_history') }}
    where scope = 'branch' and horizon = 'quarter'
)

select
    branches.branch_id,
    branches.entity_name as branch_name,
    branches.partner_id,
    {{ fiscal_year('branches.period_start') }} as fiscal_year,
    {{ fiscal_quarter('branches.period_start') }} as fiscal_quarter,
    branches.period_start,
    branches.period_end,
    branches.as_of as closed_on,
    branches.known_on,
    cast(coalesce(actions.due, 0) as bigint) as actions_due,
    cast(coalesce(actions.on_time, 0) as bigint) as actions_on_time,
    cast(coalesce(actions.late, 0) as bigint) as actions_late,
    cast(coalesce(actions.not_done, 0) as bigint) as actions_not_done,
    cast(coalesce(figures.won_amount, 0) as {{ money_type() }}) as quarter_won_amount,
    {{ round_money('goals.target') }} as quarter_target_amount,
    case when goals.target != 0 then cast(coalesce(figures.won_amount, 0) as double) / goals.target end as quarter_attainment,
    cast(coalesce(figures.deals_new, 0) as bigint) as quarter_deals_new,
    cast(coalesce(figures.deals_qualified, 0) as bigint) as quarter_deals_qualified,
    cast(coalesce(figures.deals_won, 0) as bigint) as quarter_deals_won,
    cast(coalesce(figures.deals_lost, 0) as bigint) as quarter_deals_lost,
    cast(coalesce(figures.open_deals, 0) as bigint) as quarter_open_deals,
    cast(coalesce(figures.pipeline_amount, 0) as {{ money_type() }}) as quarter_pipeline_amount,
    people.headcount as headcount_now,
    people.reps_contactable as reps_contactable_now,
    people.reps_producing_t12m as reps_producing_now,
    heads.rep_id as branch_head_rep_id,
    heads.valid_from as head_since,
    coalesce(
        heads.previous_head_id is not null and heads.valid_from > {{ add_days('branches.period_end', -var('reset_days')) }}, false
    ) as is_relationship_reset,
    forecasts.forecast_amount_p10,
    forecasts.forecast_amount_p50,
    forecasts.forecast_amount_p90,
    {{ round_money('next_goals.target') }} as next_target_amount,
    cast(coalesce(next_actions.actions, 0) as bigint) as next_actions,
    {{ round_money('proposals.proposal') }} as proposed_amount_now,
    proposals.basis as proposal_basis_now,
    meetings.qbr_on,
    coalesce(meetings.executives > 0, false) as is_executive_present
from branches
left join actions on branches.book = actions.book and branches.branch_id = actions.branch_id
left join figures on branches.book = figures.book and branches.branch_id = figures.branch_id
left join goals on branches.book = goals.book and branches.branch_id = goals.branch_id
left join next_goals on branches.book = next_goals.book and branches.branch_id = next_goals.branch_id
left join next_actions on branches.book = next_actions.book and branches.branch_id = next_actions.branch_id
left join heads on branches.book = heads.book and branches.branch_id = heads.branch_id and heads.place = 1
left join meetings on branches.book = meetings.book and branches.branch_id = meetings.branch_id
left join forecasts on branches.branch_id = forecasts.branch_id and branches.period_end = forecasts.forecast_on
left join {{ ref('int_budget_proposals') }} as proposals
    on branches.scope_key = proposals.scope_key and {{ month_of('branches.period_end') }} = proposals.month
left join {{ ref('int_monthly') }} as people
    on branches.scope_key = people.scope_key and {{ month_of('branches.period_end') }} = people.month
