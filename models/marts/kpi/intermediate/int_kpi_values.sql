-- Values of the metrics that a card, target or decision needs, on today's organisation, so that years are comparable. Each metric
-- has its own window. year_value is the figure of twelve months to date for a metric of a month.

-- Each metric of a card with the month a year before, regardless of the set at that time, and each level with a target.
with asked as (
    select scope_key, month, metric from {{ ref('int_card_metrics') }}
    union
    select scope_key, {{ add_months('month', -12) }} as month, metric from {{ ref('int_card_metrics') }}
    union
    -- A proposed target needs the growth of the company over the two years before.
    select scopes.scope_key, {{ add_months('cards.month', '-12 * back.n') }} as month, cards.metric
    from (select distinct month, metric from {{ ref('int_card_metrics') }} where is_quantity) as cards
    cross join ({{ whole_numbers(1, 2) }}) as back
    cross join (
        select max(scope_key) as scope_key from {{ ref('int_scopes') }} where organisation = 'as_is' and scope = 'company'
    ) as scopes
    union
    select scopes.scope_key, targets.month, targets.metric
    from {{ ref('int_target_months') }} as targets
    inner join {{ ref('int_scopes') }} as scopes
        on targets.scope = scopes.scope and targets.entity_id = scopes.entity_id and scopes.organisation = 'as_is'
    where targets.is_known_metric and not targets.is_flow
    union
    -- Decisions are compared with what came.
    select decisions.scope_key, months.month, decisions.metric
    from {{ ref('int_decisions') }} as decisions
    inner join {{ ref('int_months') }} as months
        on decisions.figure_month <= months.month and decisions.last_month >= months.month
    where decisions.scope_key is not null
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
        {{ additive_metrics('sum(coalesce(all_partners.METRIC, months.METRIC)) over year_to_date as METRIC_year') }},
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
    window year_to_date as (partition by months.scope_key order by months.month rows between 11 preceding and current row)
),

network as (
    select 'company' as scope, months.* from {{ ref('network_monthly') }} as months
),

-- Persons of twelve months, each counted once.
contacted as (
    select bridge.scope_key, months.month, 'reps_contacted' as metric, count(distinct facts.rep_id) as reps_contacted
    from {{ ref('int_contacted_reps') }} as facts
    inner join {{ ref('int_scope_bridge') }} as bridge
        on facts.branch_version_id = bridge.branch_version_id and bridge.organisation = 'as_is'
    inner join {{ ref('int_months') }} as months
        on months.month >= facts.month and {{ add_months('months.month', -12) }} < facts.month
    group by bridge.scope_key, months.month
)

select
    asked.scope_key,
    scopes.scope,
    scopes.entity_id,
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
    end as value,
    -- With fewer than twelve months of data there is no such figure.
    case
        when calendar.is_first_year then null
        {{ additive_metrics("when asked.metric = 'METRIC' then cast(monthly.METRIC_year as double)", separator='') }}
        when asked.metric = 'reps_contacted' then cast(coalesce(contacted.reps_contacted, 0) as double)
    end as year_value
from asked
inner join {{ ref('int_months') }} as calendar on asked.month = calendar.month
inner join {{ ref('int_scopes') }} as scopes on asked.scope_key = scopes.scope_key
inner join monthly on asked.scope_key = monthly.scope_key and asked.month = monthly.month
left join {{ ref('int_performance') }} as performance
    on asked.scope_key = performance.scope_key and asked.month = performance.month
left join {{ ref('rep_concentration') }} as concentration
    on scopes.scope = concentration.scope and scopes.entity_id = concentration.entity_id and asked.month = concentration.month
left join contacted
    on
        asked.metric = contacted.metric and asked.scope_key = contacted.scope_key and asked.month = contacted.month
left join network on scopes.scope = network.scope and asked.month = network.month
