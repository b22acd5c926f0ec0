-- How well deals go, of all partners together, of each partner and of each branch, over windows that end with the month.
-- noqa: disable=LT02,LT05,AM06
with month_ends as (
    select
        month,
        {{ add_days(add_months('month', 1), -1) }} as month_end,
        {{ add_months('month', -2) }} as quarter_from,
        {{ add_months('month', -11) }} as year_from
    from {{ ref('int_months') }}
),

joint_visits as (
    select deal_id, min(occurred_on) as visited_on
    from {{ ref('fct_activities') }}
    where activity_type = 'joint_visit' and status = 'held' and deal_id is not null
    group by deal_id
),

{% for scope, entity in [('company', "'ALL'"), ('partner', 'partner_id'), ('branch', 'branch_id')] -%}
{{ scope }}_months as (
    select distinct '{{ scope }}' as scope, {{ entity }} as entity_id, month
    from {{ ref('partner_monthly' if scope != 'branch' else 'branch_monthly') }}
    where {{ "partner_id" if scope != 'branch' else "branch_id" }} != 'DIRECT'
),

{% endfor -%}

entity_months as (
    select * from company_months
    union all
    select * from partner_months
    union all
    select * from branch_months
),

-- Every deal, and every month of its money, under each of the three.
milestones as (
    {% for scope, entity in [('company', "'ALL'"), ('partner', 'deals.partner_id'), ('branch', 'deals.branch_id')] -%}
    select
        '{{ scope }}' as scope, {{ entity }} as entity_id,
        deals.deal_id, deals.open_on, deals.qualified_on, deals.won_on, deals.lost_on,
        -- Nothing logged is no proof that nobody was there.
        logged.branch_id is not null as is_logged,
        joint_visits.visited_on <= deals.won_on as is_visited
    from {{ ref('int_deal_milestones') }} as deals
    left join joint_visits on deals.deal_id = joint_visits.deal_id
    left join (select distinct branch_id from {{ ref('fct_activities') }}) as logged on deals.branch_id = logged.branch_id
    where deals.channel_class != 'direct'
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

won as (
    {% for scope, entity in [('company', "'ALL'"), ('partner', 'partner_id'), ('branch', 'branch_id')] -%}
    select '{{ scope }}' as scope, {{ entity }} as entity_id, deal_id, month, is_won, amount
    from {{ ref('int_won_months') }}
    where channel_class != 'direct'
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

deal_sizes as (
    select
        won.scope, won.entity_id, ends.month,
        sum(won.amount) as won_amount,
        sum(case when won.is_won then 1 else 0 end) as deals_won,
        {{ median('case when won.is_won then won.amount end') }} as median_deal
    from won
    inner join month_ends as ends on won.month >= ends.year_from and won.month <= ends.month
    group by won.scope, won.entity_id, ends.month
),

cycles as (
    select
        deals.scope, deals.entity_id, ends.month,
        count(*) as cycle_deals,
        {{ median(dbt.datediff('deals.open_on', 'deals.won_on', 'day')) }} as cycle_days,
        sum(case when deals.is_logged then 1 else 0 end) as logged_wins,
        sum(case when deals.is_logged and not coalesce(deals.is_visited, false) then 1 else 0 end) as self_run_wins
    from milestones as deals
    inner join month_ends as ends on deals.won_on >= ends.year_from and deals.won_on <= ends.month_end
    group by deals.scope, deals.entity_id, ends.month
),

closed as (
    select scope, entity_id, month, sum(is_win) as wins, count(*) as closed
    from (
        select deals.scope, deals.entity_id, ends.month, 1 as is_win
        from milestones as deals
        inner join month_ends as ends on deals.won_on >= ends.quarter_from and deals.won_on <= ends.month_end
        union all
        select deals.scope, deals.entity_id, ends.month, 0 as is_win
        from milestones as deals
        inner join month_ends as ends on deals.lost_on >= ends.quarter_from and deals.lost_on <= ends.month_end
    ) as ended
    group by scope, entity_id, month
),

-- Deals of the twelve months that ended when those after them had time to ripen, as they stood at the month's end.
cohorts as (
    select
        deals.scope, deals.entity_id, ends.month,
        count(*) as cohort_deals,
        sum(case when deals.qualified_on <= ends.month_end then 1 else 0 end) as cohort_qualified,
        sum(case when deals.won_on <= ends.month_end then 1 else 0 end) as cohort_won
    from milestones as deals
    inner join month_ends as ends
        on
            deals.open_on > {{ add_days(add_months('ends.month_end', -12), -var('cohort_mature_days')) }}
            and deals.open_on <= {{ add_days('ends.month_end', -var('cohort_mature_days')) }}
    group by deals.scope, deals.entity_id, ends.month
),

pipeline as (
    select deals.scope, deals.entity_id, ends.month, count(*) as open_qualified
    from milestones as deals
    inner join month_ends as ends
        on
            deals.qualified_on <= ends.month_end
            and coalesce(deals.won_on, {{ for_ever() }}) > ends.month_end
            and coalesce(deals.lost_on, {{ for_ever() }}) > ends.month_end
    group by deals.scope, deals.entity_id, ends.month
),

rep_halves as (
    {% for scope, entity in [('company', "'ALL'"), ('partner', 'reps.partner_id'), ('branch', 'reps.branch_id')] -%}
    select
        '{{ scope }}' as scope, {{ entity }} as entity_id, reps.rep_id, ends.month,
        max(case when reps.month > {{ add_months('ends.month', -6) }} then 1 else 0 end) as is_producing,
        max(case when reps.month <= {{ add_months('ends.month', -6) }} then 1 else 0 end) as was_producing
    from {{ ref('rep_monthly') }} as reps
    inner join month_ends as ends on reps.month >= ends.year_from and reps.month <= ends.month
    where reps.deals_won > 0 and reps.rep_id != 'NONE'
    group by 1, 2, 3, 4
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

retention as (
    select scope, entity_id, month, sum(was_producing) as producers_before, sum(was_producing * is_producing) as producers_kept
    from rep_halves
    group by scope, entity_id, month
),

-- Twelve months of money of reps who were at the branch within the quarter and are not at its end.
leavers as (
    select distinct before.rep_id, before.branch_id, ends.month, ends.year_from
    from month_ends as ends
    inner join {{ ref('int_known_reps') }} as before on before.month = {{ add_months('ends.month', -3) }}
    left join {{ ref('int_known_reps') }} as still
        on before.rep_id = still.rep_id and before.branch_id = still.branch_id and ends.month = still.month
    where still.rep_id is null
),

at_risk as (
    {% for scope, entity in [('company', "'ALL'"), ('partner', 'reps.partner_id'), ('branch', 'reps.branch_id')] -%}
    select '{{ scope }}' as scope, {{ entity }} as entity_id, leavers.month, sum(reps.won_amount) as revenue_at_risk
    from leavers
    inner join {{ ref('rep_monthly') }} as reps
        on
            leavers.rep_id = reps.rep_id
            and leavers.branch_id = reps.branch_id
            and reps.month >= leavers.year_from
            and reps.month <= leavers.month
    group by 1, 2, 3
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

measured as (
    select
        months.scope,
        months.entity_id,
        months.month,
        coalesce(deal_sizes.won_amount, 0) as won_amount,
        -- Money without a partner is on neither side of a share.
        coalesce(
            sum(case when months.scope = 'partner' and months.entity_id != 'UNRESOLVED' then deal_sizes.won_amount end)
                over (partition by months.month), 0
        ) as partners_won_amount,
        coalesce(deal_sizes.deals_won, 0) as deals_won,
        deal_sizes.median_deal,
        {{ rate('deal_sizes.won_amount', 'deal_sizes.deals_won') }} as avg_deal,
        coalesce(cycles.cycle_deals, 0) as cycle_deals,
        case when cycles.cycle_deals >= {{ var('n_min') }} then cycles.cycle_days end as cycle_days,
        coalesce(closed.wins, 0) as wins,
        coalesce(closed.closed, 0) as closed,
        {{ rate('closed.wins', 'closed.closed', var('n_min')) }} as win_rate,
        coalesce(cohorts.cohort_deals, 0) as cohort_deals,
        coalesce(cohorts.cohort_qualified, 0) as cohort_qualified,
        coalesce(cohorts.cohort_won, 0) as cohort_won,
        coalesce(pipeline.open_qualified, 0) as open_qualified,
        coalesce(cycles.logged_wins, 0) as logged_wins,
        coalesce(cycles.self_run_wins, 0) as self_run_wins,
        coalesce(retention.producers_before, 0) as producers_before,
        coalesce(retention.producers_kept, 0) as producers_kept,
        coalesce(at_risk.revenue_at_risk, 0) as revenue_at_risk
    from entity_months as months
    {%- for measure in ['deal_sizes', 'cycles', 'closed', 'cohorts', 'pipeline', 'retention', 'at_risk'] %}
    left join {{ measure }}
        on months.scope = {{ measure }}.scope and months.entity_id = {{ measure }}.entity_id and months.month = {{ measure }}.month
    {%- endfor %}
)

select
    scope,
    entity_id,
    month,
    {{ fiscal_year('month') }} as fiscal_year,
    {{ fiscal_half('month') }} as fiscal_half,
    {{ fiscal_quarter('month') }} as fiscal_quarter,
    cast(won_amount as {{ money_type() }}) as won_amount_t12m,
    cast(deals_won as bigint) as deals_won_t12m,
    avg_deal,
    {{ round_money('median_deal') }} as median_deal,
    cast(partners_won_amount as {{ money_type() }}) as partner_share_denominator,
    case
        when scope != 'company' and entity_id != 'UNRESOLVED' and partners_won_amount > 0
            then cast(won_amount as double) / cast(partners_won_amount as double)
    end as partner_share,
    cast(cycle_deals as bigint) as cycle_deals,
    cast(cycle_days as double) as cycle_days,
    cast(wins as bigint) as win_rate_numerator,
    cast(closed as bigint) as win_rate_denominator,
    win_rate,
    cast(cohort_qualified as bigint) as qualify_rate_numerator,
    cast(cohort_deals as bigint) as qualify_rate_denominator,
    {{ rate('cohort_qualified', 'cohort_deals', var('n_min')) }} as qualify_rate,
    cast(cohort_won as bigint) as win_rate_cohort_numerator,
    cast(cohort_deals as bigint) as win_rate_cohort_denominator,
    {{ rate('cohort_won', 'cohort_deals', var('n_min')) }} as win_rate_cohort,
    cast(open_qualified as bigint) as open_qualified,
    -- A cycle of less than a day is a day.
    open_qualified * win_rate * avg_deal / case when cycle_days < 1 then 1 else cycle_days end as velocity,
    cast(self_run_wins as bigint) as self_run_ratio_numerator,
    cast(logged_wins as bigint) as self_run_ratio_denominator,
    {{ rate('self_run_wins', 'logged_wins', var('n_min')) }} as self_run_ratio,
    cast(producers_kept as bigint) as producer_retention_numerator,
    cast(producers_before as bigint) as producer_retention_denominator,
    {{ rate('producers_kept', 'producers_before') }} as producer_retention,
    cast(revenue_at_risk as {{ money_type() }}) as revenue_at_risk
from measured
