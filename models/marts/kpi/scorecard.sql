-- The few metrics that count in the phase of an entity. The set comes from the seed kpi_sets, by phase and channel. All
-- figures are on today's organisation, so that years are comparable.

-- The sets of a day replace all sets of earlier days.
with set_versions as (
    select
        phase, channel, valid_from,
        coalesce(lead(valid_from) over (partition by phase, channel order by valid_from), {{ for_ever() }}) as valid_to
    from (select distinct phase, channel, valid_from from {{ ref('kpi_sets') }}) as versions
),

-- Entities that exist today. Figures of the network exist only for the company.
shown as (
    select
        placed.scope_key, placed.scope, placed.entity_id, placed.month, placed.is_complete, placed.phase, placed.channel,
        sets.metric, sets.kpi_rank, metrics.time_window
    from {{ ref('int_phases') }} as placed
    cross join {{ ref('int_as_of') }} as today
    inner join set_versions as versions
        on
            placed.phase = versions.phase and placed.channel = versions.channel
            and {{ is_within('placed.month_end', 'versions.valid_from', 'versions.valid_to') }}
    inner join {{ ref('kpi_sets') }} as sets
        on versions.phase = sets.phase and versions.channel = sets.channel and versions.valid_from = sets.valid_from
    inner join {{ ref('metrics') }} as metrics
        on sets.metric = metrics.metric and (metrics.model != 'network_monthly' or placed.scope = 'company')
    where not placed.is_special and placed.closed_on > today.as_of
),

-- Each value with that of the month a year before, regardless of the set at that time.
asked as (
    select scope_key, month, metric from shown
    union
    select scope_key, {{ add_months('month', -12) }} as month, metric from shown
),

-- The company is all partners together, without direct sales, as in performance.
all_partners as (
    select
        months.month,
        {{ additive_metrics('sum(months.METRIC) as METRIC') }}
    from {{ ref('int_monthly') }} as months
    inner join {{ ref('int_scopes') }} as scopes on months.scope_key = scopes.scope_key
    where scopes.organisation = 'as_is' and scopes.scope = 'partner' and scopes.entity_id != 'DIRECT'
    group by months.month
),

monthly as (
    select
        months.scope_key,
        months.month,
        {{ additive_metrics('coalesce(all_partners.METRIC, months.METRIC) as METRIC') }},
        months.reps_contacted,
        months.headcount,
        months.reps_known,
        months.reps_contactable,
        months.reps_trained,
        months.reps_active,
        months.reps_producing_t12m,
        {{ rate('months.known_rate_numerator', 'months.headcount') }} as known_rate,
        {{ rate('months.reps_contactable', 'months.reps_known') }} as contactable_rate,
        {{ rate('months.trained_rate_numerator', 'months.reps_contactable') }} as trained_rate,
        {{ rate('months.producing_rate_numerator', 'months.producing_rate_denominator') }} as producing_rate,
        months.rep_penetration
    from {{ ref('int_monthly') }} as months
    inner join {{ ref('int_scopes') }} as scopes on months.scope_key = scopes.scope_key and scopes.organisation = 'as_is'
    left join all_partners on scopes.scope = 'company' and months.month = all_partners.month
),

actuals as (
    select
        asked.scope_key,
        asked.month,
        asked.metric,
        case asked.metric
            {{ additive_metrics("when 'METRIC' then cast(monthly.METRIC as double)", separator='') }}
            when 'reps_contacted' then cast(monthly.reps_contacted as double)
            when 'headcount' then cast(monthly.headcount as double)
            when 'reps_known' then cast(monthly.reps_known as double)
            when 'reps_contactable' then cast(monthly.reps_contactable as double)
            when 'reps_trained' then cast(monthly.reps_trained as double)
            when 'reps_active' then cast(monthly.reps_active as double)
            when 'reps_producing_t12m' then cast(monthly.reps_producing_t12m as double)
            when 'known_rate' then monthly.known_rate
            when 'contactable_rate' then monthly.contactable_rate
            when 'trained_rate' then monthly.trained_rate
            when 'producing_rate' then monthly.producing_rate
            when 'rep_penetration' then cast(monthly.rep_penetration as double)
            when 'win_rate_t3m' then cast(performance.win_rate_t3m as double)
            when 'qualify_rate' then cast(performance.qualify_rate as double)
            when 'win_rate_cohort' then cast(performance.win_rate_cohort as double)
            when 'avg_deal' then cast(performance.avg_deal as double)
            when 'median_deal' then cast(performance.median_deal as double)
            when 'cycle_days' then cast(performance.cycle_days as double)
            when 'open_qualified' then cast(performance.open_qualified as double)
            when 'velocity' then cast(performance.velocity as double)
            when 'self_run_ratio' then cast(performance.self_run_ratio as double)
            when 'producer_retention' then cast(performance.producer_retention as double)
            when 'revenue_at_risk' then cast(performance.revenue_at_risk as double)
            when 'partner_share' then cast(performance.partner_share as double)
            when 'company_share' then cast(performance.company_share as double)
            when 'effective_reps' then cast(concentration.effective_reps as double)
            when 'rep_hhi' then cast(concentration.rep_hhi as double)
            when 'top_rep_share' then cast(concentration.top_rep_share as double)
            when 'headroom_reps' then cast(concentration.headroom_reps as double)
            when 'headroom_amount' then cast(concentration.headroom_amount as double)
            when 'partners_contracted' then cast(network.partners_contracted as double)
            when 'branches_contracted' then cast(network.branches_contracted as double)
            when 'partners_signed' then cast(network.partners_signed as double)
            when 'branches_active' then cast(network.branches_active as double)
            when 'dormant_units' then cast(network.dormant_units as double)
            when 'dormancy_rate' then cast(network.dormancy_rate as double)
            when 'activation_rate' then cast(network.activation_rate as double)
            when 'ttfd' then cast(network.ttfd as double)
            when 'ttfw' then cast(network.ttfw as double)
        end as actual
    from asked
    inner join {{ ref('int_scopes') }} as scopes on asked.scope_key = scopes.scope_key
    inner join monthly on asked.scope_key = monthly.scope_key and asked.month = monthly.month
    left join {{ ref('int_performance') }} as performance
        on asked.scope_key = performance.scope_key and asked.month = performance.month
    left join {{ ref('rep_concentration') }} as concentration
        on scopes.scope = concentration.scope and scopes.entity_id = concentration.entity_id and asked.month = concentration.month
    left join {{ ref('network_monthly') }} as network on scopes.scope = 'company' and asked.month = network.month
),

-- The nearest deadline of a metric that is still to come. Where all have passed, the last one, so that a missed target
-- stays visible.
paths as (
    select
        scope, entity_id, metric, month, actual, path, path_gap,
        row_number() over (
            partition by scope, entity_id, metric, month
            order by
                case when deadline >= month then 0 else 1 end,
                case when deadline >= month then deadline end nulls last,
                deadline desc nulls last
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
    -- A window that began before the data would show growth where there was none.
    case
        when months_before.has_twelve_months or shown.time_window in ('month', 'as of', 'trailing 90 days', 'fiscal year to date')
            then year_before.actual
    end as actual_year_before,
    paths.path as target,
    paths.actual as target_actual,
    paths.path_gap as gap
from shown
left join actuals
    on shown.scope_key = actuals.scope_key and shown.month = actuals.month and shown.metric = actuals.metric
left join actuals as year_before
    on
        shown.scope_key = year_before.scope_key
        and {{ add_months('shown.month', -12) }} = year_before.month
        and shown.metric = year_before.metric
left join {{ ref('int_months') }} as months_before on {{ add_months('shown.month', -12) }} = months_before.month
left join paths
    on
        shown.scope = paths.scope and shown.entity_id = paths.entity_id
        and shown.metric = paths.metric and shown.month = paths.month and paths.nearness = 1
