-- Each goal of an agreed plan, month by month: target and result of the month and to date, and what is still missing.
with last_month as (
    select max(month) as month from {{ ref('int_months') }} where is_complete
),

kinds as (
    select metric, max(case when is_flow then 1 else 0 end) = 1 as is_flow
    from {{ ref('int_plan_results') }}
    group by metric
),

joined as (
    select
        goals.*,
        coalesce(kinds.is_flow, metrics.metric is null) as is_flow,
        metrics.metric is not null or types.activity_type is not null as is_known_metric,
        coalesce(metrics.direction, 'up') as direction,
        results.actual,
        goals.month <= last_month.month as is_complete,
        goals.month = last_month.month as is_current,
        goals.month > last_month.month and results.actual is null as is_ahead,
        seasons.share,
        sum(seasons.share) over (partition by goals.plan_id, goals.goal_id order by goals.month) as share_to_date,
        sum(seasons.share) over (partition by goals.plan_id, goals.goal_id) as share_of_plan,
        count(*) over (partition by goals.plan_id, goals.goal_id) as plan_months,
        count(seasons.share) over (partition by goals.plan_id, goals.goal_id) as share_months,
        last_month.month as last_month
    from {{ ref('int_plan_goals') }} as goals
    cross join last_month
    left join kinds on goals.metric = kinds.metric
    left join {{ ref('metrics') }} as metrics on goals.metric = metrics.metric
    left join {{ ref('activity_types') }} as types on goals.metric = types.activity_type
    left join {{ ref('int_plan_results') }} as results
        on
            goals.metric = results.metric and goals.scope = results.scope and goals.entity_id = results.entity_id
            and goals.month = results.month
    left join {{ ref('int_seasons') }} as seasons
        on
            goals.metric = seasons.metric
            and {{ fiscal_year('goals.period_start') }} = seasons.start_year
            and {{ fiscal_month('goals.month') }} = seasons.fiscal_month
    where goals.book = 'today'
),

summed as (
    select
        *,
        -- Decimals, because a sum of floats depends on the order of its rows.
        cast(sum({{ exact('target') }}) over to_date as double) as target_sum,
        cast(sum({{ exact('original_target') }}) over to_date as double) as original_sum,
        cast(sum({{ exact('actual') }}) over to_date as double) as actual_sum,
        count(actual) over to_date as actual_months,
        count(*) over to_date as months_to_date,
        cast(sum({{ exact('target') }}) over of_goal as double) as target_total,
        max(month) over of_goal as last_goal_month
    from joined
    window
        to_date as (partition by plan_id, goal_id order by month),
        of_goal as (partition by plan_id, goal_id)
),

-- Flows are added up from the start of the plan, also in months without a target. A level is compared at the end of the month, with
-- the target of that month.
dated as (
    select
        *,
        case
            when not is_flow then target
            when is_kept then coalesce(target_sum, cast(0 as double))
        end as target_to_date,
        case when not is_flow then original_target else original_sum end as original_target_to_date,
        case
            when is_ahead or not is_known_metric then null
            -- A month before the data has no figure, so the sum would lack it.
            when is_flow and actual_months = months_to_date then actual_sum
            when not is_flow then actual
        end as actual_to_date,
        case
            when is_flow then target_total
            else max(case when month = last_goal_month then target end) over (partition by plan_id, goal_id)
        end as plan_target,
        case
            when is_flow and is_kept and share_months = plan_months and share_of_plan > 0
                then target_total * share_to_date / share_of_plan
        end as seasonal_target_to_date,
        case when is_flow then {{ month_number('last_goal_month') }} - {{ month_number('month') }} end as months_left
    from summed
),

compared as (
    select
        *,
        case when direction = 'down' then actual_to_date - target_to_date else target_to_date - actual_to_date end as behind,
        case when is_flow then plan_target - actual_to_date end as missing
    from dated
),

-- Without a result nothing is missing or left, so a null stays one.
bounded as (
    select
        *,
        case when behind > 0 then behind when behind <= 0 then cast(0 as double) end as shortfall,
        case when missing > 0 then missing when missing <= 0 then cast(0 as double) end as remaining_target
    from compared
)

select
    plan_id,
    scope,
    entity_id,
    period_start,
    period_end,
    goal_id,
    metric,
    goal_type,
    month,
    is_complete,
    is_current,
    is_kept,
    is_flow,
    direction,
    original_target,
    target,
    actual,
    original_target_to_date,
    target_to_date,
    seasonal_target_to_date,
    actual_to_date,
    plan_target,
    case
        when not is_known_metric then 'unknown_metric'
        when is_ahead then 'not_over'
        when actual is null then 'no_figure'
        when actual_to_date is null then 'short_history'
    end as missing_reason,
    shortfall,
    remaining_target,
    months_left,
    case when months_left > 0 then remaining_target / cast(months_left as double) end as required_run_rate
from bounded
