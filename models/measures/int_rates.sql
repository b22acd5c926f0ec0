-- Shares of deals that pass a step or are won, as counts, for each entity that exists today and for each salesperson who
-- is at a branch today.
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
of_reps as (
    select
        deals.rep_id,
        sum(case when deals.won_on is not null then 1 else 0 end) as numerator,
        count(*) as denominator
    from {{ ref('int_deal_milestones') }} as deals
    cross join year_windows
    where
        deals.rep_id != 'NONE'
        and deals.branch_id != 'DIRECT'
        and {{ earliest(['deals.won_on', 'deals.lost_on']) }} > year_windows.window_start
        and {{ earliest(['deals.won_on', 'deals.lost_on']) }} <= year_windows.window_end
    group by deals.rep_id
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
    scopes.scope, scopes.entity_id, scopes.partner_id, 'win_rate_t12m' as rate_name, year_windows.window_start, year_windows.window_end,
    performance.win_rate_t12m_numerator as numerator, performance.win_rate_t12m_denominator as denominator
from {{ ref('int_performance') }} as performance
inner join year_windows on performance.month = year_windows.last_month
inner join scopes on performance.scope_key = scopes.scope_key
where performance.win_rate_t12m_denominator > 0
union all
select
    'rep' as scope, of_reps.rep_id as entity_id, reps.partner_id, 'win_rate_t12m' as rate_name,
    year_windows.window_start, year_windows.window_end,
    cast(of_reps.numerator as bigint) as numerator, cast(of_reps.denominator as bigint) as denominator
from of_reps
inner join {{ ref('dim_rep') }} as reps on of_reps.rep_id = reps.rep_id
cross join year_windows
where reps.current_branch_id is not null
