-- The few metrics that count in the phase of an entity. The set comes from the seed kpi_sets, by phase and channel. A
-- metric without a figure gives way to the next of the set's reserve. All figures are on today's organisation, so that
-- years are comparable.
with valued as (
    select
        cards.*,
        case when cards.is_yearly then figures.year_value else figures.value end as actual,
        case when cards.is_yearly then figures.value end as month_actual,
        -- A window that began before the data would show growth where there was none.
        case
            when cards.is_yearly and months_before.has_twelve_months then year_before.year_value
            when cards.is_yearly then null
            when
                months_before.has_twelve_months
                or cards.time_window in ('month', 'as of', 'trailing 90 days', 'fiscal year to date')
                then year_before.value
        end as actual_year_before
    from {{ ref('int_card_metrics') }} as cards
    left join {{ ref('int_months') }} as months_before on {{ add_months('cards.month', -12) }} = months_before.month
    left join {{ ref('int_kpi_values') }} as figures
        on
            cards.scope_key = figures.scope_key and cards.month = figures.month
            and cards.metric = figures.metric
    left join {{ ref('int_kpi_values') }} as year_before
        on
            cards.scope_key = year_before.scope_key
            and {{ add_months('cards.month', -12) }} = year_before.month
            and cards.metric = year_before.metric
),

-- Zero, as in the year before or with no year before, is less of an answer than any other figure of the set.
judged as (
    select
        *,
        case
            when not is_of_scope then 'other_scope'
            when actual is null then 'no_figure'
            when actual = 0 and coalesce(actual_year_before, 0) = 0 then 'zero'
        end as weakness
    from valued
),

placed as (
    select
        *,
        row_number() over (
            partition by scope_key, month
            order by case weakness when 'zero' then 1 when 'no_figure' then 2 when 'other_scope' then 3 else 0 end, kpi_rank nulls last
        ) <= set_size as is_shown
    from judged
),

-- The first of the reserve that is shown takes the place of the first metric that gives way, and so on.
swapped as (
    select
        scope_key, month, metric, kpi_rank, weakness, is_shown,
        row_number() over (partition by scope_key, month, is_shown order by kpi_rank nulls last) as nth
    from placed
    where is_reserve = is_shown
),

shown as (
    select
        placed.*,
        coalesce(replaced.kpi_rank, placed.kpi_rank) as shown_rank,
        replaced.metric as instead_of,
        replaced.weakness as instead_of_reason
    from placed
    left join swapped as substitutes
        on
            placed.scope_key = substitutes.scope_key and placed.month = substitutes.month
            and placed.metric = substitutes.metric and placed.is_shown = substitutes.is_shown
    left join swapped as replaced
        on
            substitutes.scope_key = replaced.scope_key and substitutes.month = replaced.month
            and substitutes.nth = replaced.nth and substitutes.is_shown != replaced.is_shown
    where placed.is_shown
),

-- The nearest deadline of a target that runs in the month. Where all have passed, the last one with its result, so that a
-- missed target stays visible and stays missed.
paths as (
    select
        shown.scope_key, shown.month, shown.metric, targets.path, targets.actual, targets.path_gap,
        row_number() over (
            partition by shown.scope_key, shown.month, shown.metric
            order by
                case when targets.month = shown.month then 0 else 1 end,
                case when targets.month = shown.month then targets.deadline end nulls last,
                targets.deadline desc,
                targets.period_start desc nulls last
        ) as nearness
    from shown
    inner join {{ ref('target_path') }} as targets
        on shown.scope = targets.scope and shown.entity_id = targets.entity_id and shown.metric = targets.metric
    where
        targets.month = shown.month
        or (targets.month < shown.month and targets.month = {{ month_of('targets.deadline') }})
),

-- How the company grew in the year before: what was known when a target of the year could be proposed.
growth as (
    select
        figures.metric,
        {{ add_months('figures.month', 12) }} as month,
        coalesce(figures.year_value, figures.value) / nullif(coalesce(before.year_value, before.value), 0) as company_growth
    from {{ ref('int_kpi_values') }} as figures
    inner join {{ ref('int_kpi_values') }} as before
        on
            figures.scope_key = before.scope_key and figures.metric = before.metric
            and {{ add_months('figures.month', -12) }} = before.month
    inner join {{ ref('int_months') }} as months_before
        on {{ add_months('figures.month', -12) }} = months_before.month and months_before.has_twelve_months
    where figures.scope = 'company'
),

targeted as (
    select
        shown.*,
        paths.path,
        paths.actual as path_actual,
        paths.path_gap,
        case when paths.nearness = 1 then 'target' when shown.is_quantity and shown.actual_year_before > 0 then 'proposal' end
            as basis,
        round(shown.actual_year_before * growth.company_growth, 0) as proposal
    from shown
    left join paths
        on
            shown.scope_key = paths.scope_key and shown.month = paths.month and shown.metric = paths.metric
            and paths.nearness = 1
    left join growth on shown.metric = growth.metric and shown.month = growth.month
)

select
    scope,
    entity_id,
    month,
    {{ fiscal_year('month') }} as fiscal_year,
    {{ fiscal_quarter('month') }} as fiscal_quarter,
    is_complete,
    phase,
    channel,
    cast(shown_rank as integer) as kpi_rank,
    metric,
    instead_of,
    instead_of_reason,
    case when is_yearly then 'trailing 12 months' else time_window end as time_window,
    actual,
    month_actual,
    actual_year_before,
    case when basis = 'proposal' then proposal else path end as target,
    case when basis = 'target' or proposal is not null then basis end as target_basis,
    case when basis = 'proposal' and proposal is not null then actual else path_actual end as target_actual,
    case when basis = 'proposal' then actual - proposal else path_gap end as gap
from targeted
