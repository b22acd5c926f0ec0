-- Shares of deals that pass a step, are won or close late, of wins that are large or name a salesperson, and of people who
-- reach the next rung of the ladder from headcount to first win, as counts: for each entity that exists today. Win rates and late
-- closes also for each salesperson who is at a branch today.
with scopes as (
    select scopes.scope_key, scopes.scope, scopes.entity_id, scopes.partner_id
    from {{ ref('int_scopes') }} as scopes
    cross join {{ ref('int_as_of') }} as today
    where scopes.organisation = 'as_is' and not scopes.is_special and scopes.closed_on > today.as_of
),

-- The last twelve complete months.
years as (
    select max(month) as last_month from {{ ref('int_months') }} where is_complete
),

year_windows as (
    select
        {{ add_days(add_months('last_month', -11), -1) }} as window_start,
        {{ add_days(add_months('last_month', 1), -1) }} as window_end,
        {{ add_days(add_days(add_months('last_month', 1), -1), -var('contact_window_days')) }} as contact_start,
        {{ add_days(add_months('last_month', 1), -2) }} as day_before,
        last_month
    from years
),

passed as (
    select
        scopes.scope, scopes.entity_id, scopes.partner_id, passages.step, passages.window_start, passages.window_end,
        sum(passages.is_passed) as numerator, count(*) as denominator
    from {{ ref('int_step_passages') }} as passages
    inner join {{ ref('int_scope_bridge') }} as bridge on passages.branch_version_id = bridge.branch_version_id
    inner join scopes on bridge.scope_key = scopes.scope_key
    group by
        scopes.scope, scopes.entity_id, scopes.partner_id, passages.step, passages.window_start, passages.window_end
),

-- A win counts in its own month and a loss in its own, as in performance.
closed as (
    select
        deals.rep_id, deals.branch_version_id,
        case when deals.won_on is not null then 1 else 0 end as is_won,
        case when facts.expected_close_on is not null then 1 else 0 end as is_dated,
        case
            when {{ days_between('facts.expected_close_on', earliest(['deals.won_on', 'deals.lost_on'])) }} > {{ var('late_close_days') }}
                then 1
            else 0
        end as is_late
    from {{ ref('int_deal_milestones') }} as deals
    inner join {{ ref('fct_deals') }} as facts on deals.deal_id = facts.deal_id
    cross join year_windows
    where
        deals.branch_id != 'DIRECT'
        and {{ earliest(['deals.won_on', 'deals.lost_on']) }} > year_windows.window_start
        and {{ earliest(['deals.won_on', 'deals.lost_on']) }} <= year_windows.window_end
),

of_reps as (
    select rep_id, 'win_rate_t12m' as rate_name, sum(is_won) as numerator, count(*) as denominator
    from closed
    where rep_id != 'NONE'
    group by rep_id
    union all
    select rep_id, 'closed_late_rate' as rate_name, sum(is_late) as numerator, sum(is_dated) as denominator
    from closed
    where rep_id != 'NONE'
    group by rep_id
),

-- Salespeople who are there at the end of the year, and how many of them won in it.
known as (
    select
        scopes.scope, scopes.entity_id, scopes.partner_id,
        count(distinct reps.rep_id) as people,
        count(distinct won.rep_id) as winners
    from {{ ref('int_known_reps') }} as reps
    inner join year_windows on reps.month = year_windows.last_month
    inner join {{ ref('int_scope_bridge') }} as bridge on reps.branch_version_id = bridge.branch_version_id
    inner join scopes on bridge.scope_key = scopes.scope_key
    left join {{ ref('int_rep_years') }} as won
        on
            reps.rep_id = won.rep_id and scopes.scope_key = won.scope_key and reps.month = won.month
            and won.deals_won > 0
    group by scopes.scope, scopes.entity_id, scopes.partner_id
),

year_wins as (
    select won.branch_version_id, won.amount, case when won.rep_id != 'NONE' then 1 else 0 end as is_named
    from {{ ref('int_won_months') }} as won
    inner join year_windows on won.month > year_windows.window_start and won.month <= year_windows.last_month
    where won.is_won and won.channel_class != 'direct'
),

usual_deal as (
    select {{ median('amount') }} as amount from year_wins
),

wins as (
    select
        scopes.scope, scopes.entity_id, scopes.partner_id, count(*) as wins, sum(year_wins.is_named) as named_wins,
        sum(case when year_wins.amount > usual_deal.amount then 1 else 0 end) as large_wins
    from year_wins
    cross join usual_deal
    inner join {{ ref('int_scope_bridge') }} as bridge on year_wins.branch_version_id = bridge.branch_version_id
    inner join scopes on bridge.scope_key = scopes.scope_key
    group by scopes.scope, scopes.entity_id, scopes.partner_id
),

of_entities as (
    select
        scopes.scope, scopes.entity_id, scopes.partner_id, 'known_rate' as rate_name, year_windows.day_before as window_start,
        -- More people on the roster than the branch declared are all that there are.
        least(months.known_rate_numerator, months.headcount) as numerator, months.headcount as denominator
    from {{ ref('int_monthly') }} as months
    inner join year_windows on months.month = year_windows.last_month
    inner join scopes on months.scope_key = scopes.scope_key
    union all
    select
        scopes.scope, scopes.entity_id, scopes.partner_id, 'contactable_rate' as rate_name,
        year_windows.contact_start as window_start, months.reps_contactable as numerator, months.reps_known as denominator
    from {{ ref('int_monthly') }} as months
    inner join year_windows on months.month = year_windows.last_month
    inner join scopes on months.scope_key = scopes.scope_key
    union all
    select
        scopes.scope, scopes.entity_id, scopes.partner_id, 'trained_rate' as rate_name,
        year_windows.window_start, months.trained_rate_numerator as numerator, months.reps_contactable as denominator
    from {{ ref('int_monthly') }} as months
    inner join year_windows on months.month = year_windows.last_month
    inner join scopes on months.scope_key = scopes.scope_key
    union all
    select
        scopes.scope, scopes.entity_id, scopes.partner_id, 'win_rate_t12m' as rate_name, year_windows.window_start,
        performance.win_rate_t12m_numerator as numerator, performance.win_rate_t12m_denominator as denominator
    from {{ ref('int_performance') }} as performance
    inner join year_windows on performance.month = year_windows.last_month
    inner join scopes on performance.scope_key = scopes.scope_key
    union all
    select
        known.scope, known.entity_id, known.partner_id, 'first_deal_rate' as rate_name, year_windows.window_start,
        known.winners as numerator, known.people as denominator
    from known
    cross join year_windows
    union all
    select
        wins.scope, wins.entity_id, wins.partner_id, 'large_deal_rate' as rate_name, year_windows.window_start,
        wins.large_wins as numerator, wins.wins as denominator
    from wins
    cross join year_windows
    union all
    select
        wins.scope, wins.entity_id, wins.partner_id, 'named_rate' as rate_name, year_windows.window_start,
        wins.named_wins as numerator, wins.wins as denominator
    from wins
    cross join year_windows
    union all
    select
        scopes.scope, scopes.entity_id, scopes.partner_id, 'closed_late_rate' as rate_name, year_windows.window_start,
        sum(closed.is_late) as numerator, sum(closed.is_dated) as denominator
    from closed
    cross join year_windows
    inner join {{ ref('int_scope_bridge') }} as bridge on closed.branch_version_id = bridge.branch_version_id
    inner join scopes on bridge.scope_key = scopes.scope_key
    group by scopes.scope, scopes.entity_id, scopes.partner_id, year_windows.window_start
)

select
    scope,
    entity_id,
    partner_id,
    case step when 'open' then 'pass_open' when 'qualified' then 'pass_qualified' else 'pass_proposed' end as rate_name,
    window_start,
    window_end,
    cast(numerator as bigint) as numerator,
    cast(denominator as bigint) as denominator
from passed
union all
select
    of_entities.scope, of_entities.entity_id, of_entities.partner_id, of_entities.rate_name, of_entities.window_start,
    year_windows.window_end, cast(of_entities.numerator as bigint) as numerator,
    cast(of_entities.denominator as bigint) as denominator
from of_entities
cross join year_windows
where of_entities.denominator > 0
union all
select
    'rep' as scope, of_reps.rep_id as entity_id, reps.partner_id, of_reps.rate_name,
    year_windows.window_start, year_windows.window_end,
    cast(of_reps.numerator as bigint) as numerator, cast(of_reps.denominator as bigint) as denominator
from of_reps
inner join {{ ref('dim_rep') }} as reps on of_reps.rep_id = reps.rep_id
cross join year_windows
where reps.current_branch_id is not null and of_reps.denominator > 0
