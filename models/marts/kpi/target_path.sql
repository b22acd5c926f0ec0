-- Targets and actual values, month by month up to the deadline. Both cover the same period: the period to date where the
-- target has a start, otherwise twelve months. A level is compared at the end of the month.
with entities as (
    select scope, entity_id from {{ ref('int_scopes') }} where organisation = 'as_is'
    union all
    select 'rep' as scope, rep_id as entity_id from {{ ref('dim_rep') }}
),

sums as (
    select
        months.metric, months.scope, months.entity_id, months.period_start, months.deadline, months.month,
        sum(flows.amount) as amount,
        sum(flows.both_channels) as both_channels
    from {{ ref('int_target_months') }} as months
    inner join {{ ref('int_target_flows') }} as flows
        on
            months.metric = flows.metric and months.scope = flows.scope and months.entity_id = flows.entity_id
            and months.window_from <= flows.month and months.month >= flows.month
    group by months.metric, months.scope, months.entity_id, months.period_start, months.deadline, months.month
),

measured as (
    select
        months.*,
        months.metric = 'indirect_ratio' as is_ratio_of_flows,
        months.month_end <= today.as_of as is_complete,
        entities.entity_id is not null as is_known_entity,
        case
            when months.metric = 'indirect_ratio' and sums.both_channels > 0 then sums.amount / sums.both_channels
            when months.metric = 'indirect_ratio' then null
            -- No deal in the period is zero. Of reps, only deals and money are known.
            when months.is_flow and (months.scope != 'rep' or months.metric in ('deals_new', 'referrals', 'deals_won', 'won_amount'))
                then coalesce(sums.amount, 0)
            -- A figure of one month fits no longer period.
            when
                months.time_window = 'month'
                and (months.period_start is null or {{ month_of('months.period_start') }} != months.last_month)
                then null
            else figures.value
        end as figure
    from {{ ref('int_target_months') }} as months
    cross join {{ ref('int_as_of') }} as today
    left join entities on months.scope = entities.scope and months.entity_id = entities.entity_id
    left join sums
        on
            months.metric = sums.metric and months.scope = sums.scope and months.entity_id = sums.entity_id
            and months.period_start is not distinct from sums.period_start
            and months.deadline = sums.deadline and months.month = sums.month
    left join {{ ref('int_kpi_values') }} as figures
        on
            months.metric = figures.metric and months.scope = figures.scope and months.entity_id = figures.entity_id
            and months.month = figures.month
),

noted as (
    select
        *,
        case
            when not is_known_metric then 'unknown_metric'
            when not is_known_entity then 'unknown_entity'
            when not is_complete then 'not_over'
            when (is_flow or is_ratio_of_flows) and window_from < data_from then 'short_history'
            when figure is null then 'no_figure'
        end as missing_reason
    from measured
),

actuals as (
    select
        *,
        case when missing_reason is null then figure end as actual,
        {{ days_between('month_end', 'deadline') }} / cast(365.25 as double) as years_left
    from noted
),

-- The last month of a path decides. Later months cannot change its result.
results as (
    select
        *,
        max(case when month = last_month then actual end) over of_target as result,
        max(case when month = last_month and is_complete then 1 else 0 end) over of_target = 1 as is_over
    from actuals
    window of_target as (partition by metric, scope, entity_id, period_start, deadline)
)

select
    metric,
    scope,
    entity_id,
    period_start,
    deadline,
    month,
    is_complete,
    target,
    path,
    path_seasonal,
    case
        when (is_flow or is_ratio_of_flows) and period_start is not null then 'period to date'
        when is_flow or is_ratio_of_flows then 'trailing 12 months'
        else time_window
    end as time_window,
    actual,
    missing_reason,
    actual - path as path_gap,
    actual - path_seasonal as seasonal_gap,
    case
        -- What a period brings does not grow. Growth of a few weeks, extrapolated to a year, is meaningless.
        when years_left < 0.25 or (is_flow and period_start is not null) then null
        -- Ratios grow by percentage points a year, amounts by a rate.
        when metric like '%ratio' or metric like '%rate' then (target - actual) / years_left
        when actual > 0 then power(target / actual, 1 / years_left) - 1
    end as required_growth,
    result,
    case
        when not is_known_metric or not is_known_entity then 'unknown'
        when not is_over then 'running'
        when result is null then 'unknown'
        when direction = 'down' and result <= target then 'reached'
        when direction != 'down' and result >= target then 'reached'
        else 'missed'
    end as outcome
from results
