-- Long-term targets and the actual values: the straight line from baseline to target, the twelve months to date, and
-- the growth that is still needed. The current month has a path and no actual.
with targets as (
    select targets.*
    from {{ ref('int_targets') }} as targets
    cross join {{ ref('int_as_of') }} as today
    left join {{ ref('int_scopes') }} as was
        on targets.scope = was.scope and targets.entity_id = was.entity_id and was.organisation = 'as_was'
    left join {{ ref('int_scopes') }} as current_scopes
        on
            targets.scope = current_scopes.scope
            and targets.entity_id = current_scopes.entity_id
            and current_scopes.organisation = 'as_is'
    -- Nobody can reach a target of a branch that has closed, or of a partner that another one took over.
    where was.scope_key is null or current_scopes.closed_on > today.as_of
),

bounds as (
    select min(month) as first_month, max(month) as last_month from {{ ref('int_months') }}
),

spans as (
    select
        least(bounds.first_month, min(coalesce({{ month_of('targets.baseline_on') }}, bounds.first_month))) as first_month,
        greatest(bounds.last_month, max({{ month_of('targets.deadline') }})) as last_month
    from targets
    cross join bounds
    group by bounds.first_month, bounds.last_month
),

months as (
    {{ date_series('(select first_month from spans)', '(select last_month from spans)', 'month', 'month') }}
),

month_ends as (
    select month, {{ add_days(add_months('month', 1), -1) }} as month_end from months
),

target_metrics as (
    select 'won_amount' as metric
    union all
    select 'deals_won' as metric
    union all
    select 'indirect_ratio' as metric
),

-- Twelve months to date; with fewer months there is no figure. The company's money includes direct sales.
twelve_months as (
    select
        scopes.scope,
        scopes.entity_id,
        months.month,
        count(*) over to_date as months_recorded,
        sum(months.won_amount) over to_date as won_amount,
        sum(months.deals_won) over to_date as deals_won,
        sum(months.won_amount_indirect) over to_date as won_amount_indirect,
        sum(months.won_amount_direct) over to_date as won_amount_direct
    from {{ ref('int_monthly') }} as months
    inner join {{ ref('int_scopes') }} as scopes on months.scope_key = scopes.scope_key and scopes.organisation = 'as_is'
    window to_date as (
        partition by months.scope_key order by months.month rows between 11 preceding and current row
    )
),

actuals as (
    select
        metrics.metric,
        twelve_months.scope,
        twelve_months.entity_id,
        twelve_months.month,
        case
            when twelve_months.months_recorded < 12 then null
            when metrics.metric = 'won_amount' then cast(twelve_months.won_amount as double)
            when metrics.metric = 'deals_won' then cast(twelve_months.deals_won as double)
            when twelve_months.scope = 'company' and twelve_months.won_amount_indirect + twelve_months.won_amount_direct > 0
                then
                    cast(twelve_months.won_amount_indirect as double)
                    / cast(twelve_months.won_amount_indirect + twelve_months.won_amount_direct as double)
        end as actual
    from twelve_months
    cross join target_metrics as metrics
),

measured as (
    select
        targets.metric,
        targets.scope,
        targets.entity_id,
        month_ends.month,
        targets.deadline,
        month_ends.month_end <= today.as_of as is_complete,
        targets.target,
        case
            when targets.baseline is null then null
            when month_ends.month_end >= targets.deadline then cast(targets.target as double)
            when month_ends.month_end >= targets.baseline_on
                then
                    cast(targets.baseline as double)
                    + cast(targets.target - targets.baseline as double)
                    * {{ days_between('targets.baseline_on', 'month_ends.month_end') }}
                    / {{ days_between('targets.baseline_on', 'targets.deadline') }}
        end as path,
        case when month_ends.month_end <= today.as_of then actuals.actual end as actual,
        {{ days_between('month_ends.month_end', 'targets.deadline') }} / cast(365.25 as double) as years_left
    from targets
    cross join bounds
    inner join month_ends
        on
            month_ends.month <= greatest({{ month_of('targets.deadline') }}, bounds.last_month)
            and month_ends.month >= coalesce({{ month_of('targets.baseline_on') }}, bounds.first_month)
    cross join {{ ref('int_as_of') }} as today
    left join actuals
        on
            targets.metric = actuals.metric
            and targets.scope = actuals.scope
            and targets.entity_id = actuals.entity_id
            and month_ends.month = actuals.month
)

select
    metric,
    scope,
    entity_id,
    deadline,
    month,
    is_complete,
    cast(target as double) as target,
    path,
    actual,
    actual - path as path_gap,
    case
        -- Growth of a few weeks, extrapolated to a year, is meaningless.
        when years_left < 0.25 or actual is null then null
        -- Ratios grow by percentage points a year, amounts by a rate.
        when metric like '%ratio' or metric like '%rate' then (target - actual) / years_left
        when actual > 0 then power(cast(target as double) / actual, 1 / years_left) - 1
    end as required_growth
from measured
