-- Where the vendor's support goes, next to potential and result, by quarter and half in today's organisation.
with periods as (
    {{ quarters_and_halves() }}
),

-- The target share of a segment is divided equally among its branches; segments without branches leave theirs to the others.
segments as (
    select
        segments.branch_id,
        segments.period_start as half_start,
        segments.segment like 'high%' as is_high,
        segments.potential_score,
        targets.target_share
        / count(*) over (partition by segments.period_start, segments.segment)
        / sum(targets.target_share / counted.branches) over (partition by segments.period_start) as target_share
    from {{ ref('branch_segments') }} as segments
    left join {{ ref('support_targets') }} as targets on segments.segment = targets.segment
    left join (
        select period_start, segment, count(*) as branches from {{ ref('branch_segments') }} group by period_start, segment
    ) as counted on segments.period_start = counted.period_start and segments.segment = counted.segment
),

bridge as (
    select bridge.scope_key, bridge.branch_version_id, versions.current_branch_id as branch_id
    from {{ ref('int_scope_bridge') }} as bridge
    inner join (
        select history.branch_version_id, branches.current_branch_id
        from {{ ref('dim_branch_history') }} as history
        inner join {{ ref('dim_branch') }} as branches on history.branch_id = branches.branch_id
    ) as versions on bridge.branch_version_id = versions.branch_version_id
    where bridge.organisation = 'as_is'
),

supported as (
    select
        bridge.scope_key, periods.period_type, periods.first_month,
        sum(months.activities) as activities,
        sum(months.minutes) as minutes,
        sum(months.assumed_minutes) as assumed_minutes,
        sum(case when segments.is_high then months.minutes else 0 end) as high_minutes,
        sum(months.meetings) as meetings,
        sum(months.meeting_minutes) as meeting_minutes,
        sum(months.meeting_actions_done) as meeting_actions_done,
        sum(months.conversations) as conversations,
        sum(months.conversations_logged) as conversations_logged,
        sum(months.conversations_dated) as conversations_dated,
        sum(months.lag_days) as lag_days
    from {{ ref('int_support_months') }} as months
    inner join periods on months.month >= periods.first_month and months.month < periods.next_month
    inner join bridge on months.branch_version_id = bridge.branch_version_id
    left join segments on bridge.branch_id = segments.branch_id and periods.half_start = segments.half_start
    group by bridge.scope_key, periods.period_type, periods.first_month
),

won as (
    select bridge.scope_key, periods.period_type, periods.first_month, sum(credit.won_amount) as won_amount
    from {{ ref('int_rep_credit') }} as credit
    inner join periods on credit.month >= periods.first_month and credit.month < periods.next_month
    inner join bridge on credit.branch_version_id = bridge.branch_version_id
    where credit.organisation = 'as_is' and credit.channel_class = 'indirect'
    group by bridge.scope_key, periods.period_type, periods.first_month
),

-- Each branch once, by its current version.
places as (
    select bridge.scope_key, history.branch_id
    from {{ ref('dim_branch_history') }} as history
    inner join bridge on history.branch_version_id = bridge.branch_version_id
    where history.is_current
),

potential as (
    select
        places.scope_key, periods.period_type, periods.first_month,
        sum({{ exact('segments.potential_score') }}) as potential,
        sum({{ exact('segments.target_share') }}) as target_share
    from segments
    inner join periods on segments.half_start = periods.half_start
    inner join places on segments.branch_id = places.branch_id
    group by places.scope_key, periods.period_type, periods.first_month
),

-- A full join of the three, by their keys.
keys as (
    select scope_key, period_type, first_month from supported
    union
    select scope_key, period_type, first_month from won
    union
    select scope_key, period_type, first_month from potential
),

joined as (
    select
        scopes.scope, scopes.entity_id, scopes.partner_id, keys.period_type, keys.first_month,
        supported.activities, supported.meetings, supported.meeting_actions_done, supported.conversations,
        supported.conversations_logged, supported.conversations_dated, supported.lag_days,
        cast(coalesce(supported.minutes, 0) as double) / 60 as hours,
        cast(coalesce(supported.assumed_minutes, 0) as double) / 60 as assumed_hours,
        cast(coalesce(supported.high_minutes, 0) as double) / 60 as high_hours,
        cast(coalesce(supported.meeting_minutes, 0) as double) / 60 as meeting_hours,
        won.won_amount, potential.potential, potential.target_share
    from keys
    inner join {{ ref('int_scopes') }} as scopes on keys.scope_key = scopes.scope_key and not scopes.is_special
    left join supported
        on keys.scope_key = supported.scope_key and keys.period_type = supported.period_type and keys.first_month = supported.first_month
    left join won on keys.scope_key = won.scope_key and keys.period_type = won.period_type and keys.first_month = won.first_month
    left join potential
        on keys.scope_key = potential.scope_key and keys.period_type = potential.period_type and keys.first_month = potential.first_month
),

company as (
    select period_type, first_month, hours, won_amount, potential from joined where scope = 'company'
)

select
    joined.scope,
    joined.entity_id,
    joined.partner_id,
    joined.period_type,
    periods.fiscal_year,
    periods.fiscal_period,
    joined.first_month as period_start,
    periods.is_complete,
    cast(coalesce(joined.activities, 0) as bigint) as activities,
    joined.hours as support_hours,
    joined.assumed_hours,
    joined.hours / nullif(company.hours, 0) as effort_share,
    cast(joined.potential as double) / cast(nullif(company.potential, 0) as double) as potential_share,
    cast(joined.won_amount as double) / cast(nullif(company.won_amount, 0) as double) as result_share,
    cast(joined.target_share as double) as target_share,
    joined.hours / nullif(company.hours, 0) - cast(joined.target_share as double) as over_served,
    cast(coalesce(joined.won_amount, 0) as {{ money_type() }}) as support_won_amount,
    {{ round_money('joined.hours * ' ~ var('staff_hour_cost')) }} as support_cost,
    case
        when joined.won_amount > 0 then joined.hours * {{ var('staff_hour_cost') }} / cast(joined.won_amount as double)
    end as support_load,
    joined.high_hours as focus_ratio_numerator,
    joined.hours as focus_ratio_denominator,
    joined.high_hours / nullif(joined.hours, 0) as focus_ratio,
    cast(coalesce(joined.meetings, 0) as bigint) as meetings,
    cast(coalesce(joined.meeting_actions_done, 0) as bigint) as meeting_yield_numerator,
    joined.meeting_hours as meeting_yield_denominator,
    cast(joined.meeting_actions_done as double) / nullif(joined.meeting_hours, 0) as meeting_yield,
    cast(coalesce(joined.conversations_logged, 0) as bigint) as logging_coverage_numerator,
    cast(coalesce(joined.conversations, 0) as bigint) as logging_coverage_denominator,
    {{ rate('joined.conversations_logged', 'joined.conversations') }} as logging_coverage,
    {{ rate('joined.lag_days', 'joined.conversations_dated') }} as logging_lag_days
from joined
inner join periods on joined.period_type = periods.period_type and joined.first_month = periods.first_month
inner join company on joined.period_type = company.period_type and joined.first_month = company.first_month
