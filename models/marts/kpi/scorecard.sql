-- The few numbers that count in the phase that a company, partner or branch is in, and nothing else. The set is the seed
-- kpi_sets, by phase and channel. Sums and persons are those of today's organisation, so that years compare.
-- noqa: disable=LT02,LT05
-- The sets of one day replace those of earlier days as a whole.
with set_versions as (
    select
        phase, channel, valid_from,
        coalesce(lead(valid_from) over (partition by phase, channel order by valid_from), {{ for_ever() }}) as valid_to
    from (select distinct phase, channel, valid_from from {{ ref('kpi_sets') }}) as versions
),

-- Those with whom something can be done today.
entities as (
    select 'company' as scope, 'ALL' as entity_id, month from {{ ref('company_monthly') }}
    union all
    select 'partner' as scope, months.partner_id as entity_id, months.month
    from {{ ref('partner_monthly_as_is') }} as months
    inner join {{ ref('dim_partner') }} as partners on months.partner_id = partners.partner_id and not partners.is_sentinel
    union all
    select 'branch' as scope, months.branch_id as entity_id, months.month
    from {{ ref('branch_monthly_as_is') }} as months
    inner join {{ ref('dim_branch') }} as branches on months.branch_id = branches.branch_id and not branches.is_sentinel
    cross join {{ ref('int_as_of') }} as today
    where coalesce(branches.closed_on, {{ for_ever() }}) > today.as_of
),

shown as (
    select placed.scope, placed.entity_id, placed.month, placed.is_complete, placed.phase, placed.channel, sets.metric, sets.kpi_rank
    from {{ ref('int_phases') }} as placed
    inner join entities
        on placed.scope = entities.scope and placed.entity_id = entities.entity_id and placed.month = entities.month
    inner join set_versions as versions
        on
            placed.phase = versions.phase and placed.channel = versions.channel
            and {{ is_within('placed.month_end', 'versions.valid_from', 'versions.valid_to') }}
    inner join {{ ref('kpi_sets') }} as sets
        on
            versions.phase = sets.phase and versions.channel = sets.channel and versions.valid_from = sets.valid_from
            and case placed.scope
                {%- for scope in scorecard_marts() %}
                when '{{ scope }}' then sets.metric in ('{{ scorecard_metrics_of(scope) | join("', '") }}')
                {%- endfor %}
            end
),

-- Each with the same month a year before, whichever set held then.
asked as (
    select scope, entity_id, month, metric from shown
    union
    select scope, entity_id, {{ add_months('month', -12) }} as month, metric from shown
),

-- The company is all partners together, here as in performance: direct sales are none of theirs.
all_partners as (
    select
        month,
        {%- for metric in scorecard_metrics()['all_partners'] %}
        sum({{ metric }}) as {{ metric }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('partner_monthly') }}
    where partner_id != 'DIRECT'
    group by month
),

actuals as (
    {% for scope, marts in scorecard_marts().items() -%}
    {%- set is_last_scope = loop.last -%}
    {%- for mart in marts -%}
    {%- set metrics = scorecard_metrics()[mart] -%}
    {%- set entity = {'company': "'ALL'", 'partner': 'marts.partner_id', 'branch': 'marts.branch_id'}[scope] -%}
    select
        asked.scope, asked.entity_id, asked.month, asked.metric,
        case asked.metric
            {%- for metric in metrics %}
            when '{{ metric }}' then cast(marts.{{ metric }} as double)
            {%- endfor %}
        end as actual
    from asked
    inner join {{ mart if mart == 'all_partners' else ref(mart) }} as marts
        on asked.month = marts.month
        {%- if mart == 'performance' %} and asked.scope = marts.scope and asked.entity_id = marts.entity_id
        {%- else %} and asked.entity_id = {{ entity }}
        {%- endif %}
    where asked.scope = '{{ scope }}' and asked.metric in ('{{ metrics | join("', '") }}')
    {{ 'union all' if not (loop.last and is_last_scope) }}
    {% endfor -%}
    {%- endfor %}
),

-- Of a metric's deadlines the nearest to come, or the last where all have passed: a target that was missed stays in view.
paths as (
    select
        scope, entity_id, metric, month, actual, path, path_gap,
        row_number() over (
            partition by scope, entity_id, metric, month
            order by
                case when deadline >= month then 0 else 1 end,
                case when deadline >= month then deadline end,
                deadline desc
        ) as nearness
    from {{ ref('target_path') }}
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
    actuals.actual,
    -- A window that began before anything was recorded would make growth of what is none.
    case
        when months_before.has_twelve_months or shown.metric in ('{{ scorecard_monthly_metrics() | join("', '") }}')
            then year_before.actual
    end as actual_year_before,
    paths.path as target,
    paths.actual as target_actual,
    paths.path_gap as gap
from shown
left join actuals
    on
        shown.scope = actuals.scope and shown.entity_id = actuals.entity_id
        and shown.month = actuals.month and shown.metric = actuals.metric
left join actuals as year_before
    on
        shown.scope = year_before.scope and shown.entity_id = year_before.entity_id
        and {{ add_months('shown.month', -12) }} = year_before.month and shown.metric = year_before.metric
left join {{ ref('int_months') }} as months_before on {{ add_months('shown.month', -12) }} = months_before.month
left join paths
    on
        shown.scope = paths.scope and shown.entity_id = paths.entity_id
        and shown.metric = paths.metric and shown.month = paths.month and paths.nearness = 1
