-- The few numbers that count in the phase that a company, partner or branch is in, and nothing else. The set is the seed
-- kpi_sets, by phase and by what the entity mostly does: resale, or referral where more than half of its new deals are referred.
-- noqa: disable=LT02,LT05
{% set scopes = {'company': "'ALL'", 'partner': 'partner_id', 'branch': 'branch_id'} -%}

with month_ends as (
    select month, {{ add_days(add_months('month', 1), -1) }} as month_end
    from {{ ref('int_months') }}
),

entities as (
    {% for scope, entity in scopes.items() -%}
    select distinct '{{ scope }}' as scope, {{ entity }} as entity_id, {{ 'cast(null as varchar)' if scope == 'company' else 'partner_id' }} as partner_id, month
    from {{ ref(scope ~ '_monthly') }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

known_phases as (
    {{ last_known('phase_history', ['scope', 'scope_id', 'valid_from']) }}
),

phases as (
    select
        scope,
        coalesce(scope_id, 'ALL') as entity_id,
        phase,
        valid_from,
        coalesce(
            lead(valid_from) over (partition by scope, coalesce(scope_id, 'ALL') order by valid_from), {{ for_ever() }}
        ) as valid_to
    from known_phases
    where ended_on is null
),

-- Referrals and resale deals that began in the twelve months to date.
channels as (
    {% for scope, entity in scopes.items() -%}
    select '{{ scope }}' as scope, {{ entity }} as entity_id, ends.month,
        sum(case when deals.channel in ('referral', 'matching') then deals.deals_new else 0 end) * 2 > sum(deals.deals_new) as is_referral
    from {{ ref('branch_channel_monthly') }} as deals
    inner join month_ends as ends on deals.month <= ends.month and deals.month > {{ add_months('ends.month', -12) }}
    where deals.branch_id != 'DIRECT'
    group by {{ entity ~ ', ' if scope != 'company' }}ends.month
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- A branch without a phase of its own is in its partner's, a partner in the company's, as of the month's end.
placed as (
    select
        entities.scope,
        entities.entity_id,
        entities.month,
        ends.month_end,
        coalesce(own.phase, of_partner.phase, of_company.phase) as phase,
        case when coalesce(channels.is_referral, false) then 'referral' else 'resale' end as channel
    from entities
    inner join month_ends as ends on entities.month = ends.month
    left join phases as own
        on
            entities.scope = own.scope and entities.entity_id = own.entity_id
            and {{ is_within('ends.month_end', 'own.valid_from', 'own.valid_to') }}
    left join phases as of_partner
        on
            of_partner.scope = 'partner' and entities.partner_id = of_partner.entity_id
            and {{ is_within('ends.month_end', 'of_partner.valid_from', 'of_partner.valid_to') }}
    left join phases as of_company
        on
            of_company.scope = 'company'
            and {{ is_within('ends.month_end', 'of_company.valid_from', 'of_company.valid_to') }}
    left join channels
        on entities.scope = channels.scope and entities.entity_id = channels.entity_id and entities.month = channels.month
),

-- The sets of one day replace those of earlier days as a whole.
set_versions as (
    select
        phase, channel, valid_from,
        coalesce(lead(valid_from) over (partition by phase, channel order by valid_from), {{ for_ever() }}) as valid_to
    from (select distinct phase, channel, valid_from from {{ ref('kpi_sets') }}) as versions
),

shown as (
    select placed.*, sets.metric, sets.kpi_rank
    from placed
    inner join set_versions as versions
        on
            placed.phase = versions.phase and placed.channel = versions.channel
            and {{ is_within('placed.month_end', 'versions.valid_from', 'versions.valid_to') }}
    inner join {{ ref('kpi_sets') }} as sets
        on
            versions.phase = sets.phase and versions.channel = sets.channel and versions.valid_from = sets.valid_from
),

-- Each with the same month a year before, whichever set held then.
asked as (
    select scope, entity_id, month, metric from shown
    union
    select scope, entity_id, {{ add_months('month', -12) }} as month, metric from shown
),

actuals as (
    {% for scope, entity in scopes.items() -%}
    {%- for mart in ['monthly', 'performance', 'rep_concentration', 'network_monthly']
        if mart in ['monthly', 'performance'] or (mart == 'rep_concentration' and scope == 'branch')
        or (mart == 'network_monthly' and scope == 'company') %}
    select
        asked.scope, asked.entity_id, asked.month, asked.metric,
        case asked.metric
            {%- for metric, metric_mart in scorecard_metrics().items() if metric_mart == mart %}
            when '{{ metric }}' then cast(marts.{{ metric }} as double)
            {%- endfor %}
        end as actual
    from asked
    inner join {{ ref(scope ~ '_monthly' if mart == 'monthly' else mart) }} as marts
        on
            asked.month = marts.month
            {%- if mart == 'performance' %}
            and asked.scope = marts.scope and asked.entity_id = marts.entity_id
            {%- elif scope != 'company' %}
            and asked.entity_id = marts.{{ entity }}
            {%- endif %}
    where
        asked.scope = '{{ scope }}'
        and asked.metric in (
            {%- for metric, metric_mart in scorecard_metrics().items() if metric_mart == mart -%}
            '{{ metric }}',{% endfor %} ''
        )
    union all
    {%- endfor %}
    {% endfor -%}
    select null as scope, null as entity_id, cast(null as date) as month, null as metric, cast(null as double) as actual
),

-- The nearest deadline of a metric that has several.
paths as (
    select
        scope, entity_id, metric, month, path, path_gap,
        row_number() over (partition by scope, entity_id, metric, month order by deadline) as nearness
    from {{ ref('target_path') }}
    where deadline >= month
)

select
    shown.scope,
    shown.entity_id,
    shown.month,
    {{ fiscal_year('shown.month') }} as fiscal_year,
    {{ fiscal_quarter('shown.month') }} as fiscal_quarter,
    shown.phase,
    shown.channel,
    cast(shown.kpi_rank as integer) as kpi_rank,
    shown.metric,
    actuals.actual,
    year_before.actual as actual_year_before,
    paths.path as target,
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
left join paths
    on
        shown.scope = paths.scope and shown.entity_id = paths.entity_id
        and shown.metric = paths.metric and shown.month = paths.month and paths.nearness = 1
