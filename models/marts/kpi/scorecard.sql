-- The few metrics that count in the phase of an entity. The set comes from the seed kpi_sets, by phase and channel. All
-- figures are on today's organisation, so that years are comparable.
-- The nearest deadline of a target that runs in the month. Where all have passed, the last one with its result, so that a
-- missed target stays visible and stays missed.
with paths as (
    select
        shown.scope, shown.entity_id, shown.month, shown.metric, targets.path, targets.actual, targets.path_gap,
        row_number() over (
            partition by shown.scope, shown.entity_id, shown.month, shown.metric
            order by
                case when targets.month = shown.month then 0 else 1 end,
                case when targets.month = shown.month then targets.deadline end nulls last,
                targets.deadline desc,
                targets.period_start desc nulls last
        ) as nearness
    from {{ ref('int_card_metrics') }} as shown
    inner join {{ ref('target_path') }} as targets
        on shown.scope = targets.scope and shown.entity_id = targets.entity_id and shown.metric = targets.metric
    where
        targets.month = shown.month
        or (targets.month < shown.month and targets.month = {{ month_of('targets.deadline') }})
)

select
    shown.scope,
    shown.entity_id,
    shown.month,
    {{ fiscal_year('shown.month') }} as fiscal_year,
    {{ fiscal_quarter('shown.month') }} as fiscal_quarter,
    shown.is_complete,
    shown.phase,
    shown.channel,
    cast(shown.kpi_rank as integer) as kpi_rank,
    shown.metric,
    actuals.value as actual,
    -- A window that began before the data would show growth where there was none.
    case
        when months_before.has_twelve_months or shown.time_window in ('month', 'as of', 'trailing 90 days', 'fiscal year to date')
            then year_before.value
    end as actual_year_before,
    paths.path as target,
    paths.actual as target_actual,
    paths.path_gap as gap
from {{ ref('int_card_metrics') }} as shown
left join {{ ref('int_kpi_values') }} as actuals
    on shown.scope_key = actuals.scope_key and shown.month = actuals.month and shown.metric = actuals.metric
left join {{ ref('int_kpi_values') }} as year_before
    on
        shown.scope_key = year_before.scope_key
        and {{ add_months('shown.month', -12) }} = year_before.month
        and shown.metric = year_before.metric
left join {{ ref('int_months') }} as months_before on {{ add_months('shown.month', -12) }} = months_before.month
left join paths
    on
        shown.scope = paths.scope and shown.entity_id = paths.entity_id
        and shown.metric = paths.metric and shown.month = paths.month and paths.nearness = 1
