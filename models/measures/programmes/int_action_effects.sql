-- Effects of actions by type, as the mean over the cases of a period, with the interval of a t distribution: in each fiscal half, and in
-- all halves together. All halves also have the effects in the branches of each segment; the segment is that of the half before
-- the action, which the action has not changed. Cases that were compared with the same branches are not independent of each
-- other: they are one cluster, and the variance is between clusters.
with halves as (
    {{ fiscal_periods('half') }}
),

periods as (
    select 'half' as period_type, first_month, last_month from halves
    union all
    select 'all' as period_type, min(first_month) as first_month, max(last_month) as last_month from halves
),

-- An effect is of all branches, or of the branches of one segment (kind).
cases as (
    select periods.period_type, periods.first_month, 'ALL' as kind, cases.*
    from periods
    inner join {{ ref('int_action_cases') }} as cases
        on periods.first_month <= cases.month and periods.last_month >= cases.month
    union all
    select periods.period_type, periods.first_month, segments.segment as kind, cases.*
    from periods
    cross join {{ ref('int_action_cases') }} as cases
    inner join halves on halves.first_month <= cases.month and halves.last_month >= cases.month
    inner join {{ ref('int_segments') }} as segments
        on cases.branch_id = segments.branch_id and halves.first_month = segments.next_start
    where periods.period_type = 'all'
),

counted as (
    select
        period_type, first_month, kind, action_type,
        count(*) as actions_done,
        count(case when not is_over then 1 end) as actions_running,
        count(effect) as n,
        cast(sum(case when effect is not null then deals_before end) as double) / nullif(count(effect), 0) as deals_before,
        cast(sum(case when effect is not null then deals_after end) as double) / nullif(count(effect), 0) as deals_after,
        cast(sum(peer_change) as double) / nullif(count(effect), 0) as peer_change,
        cast(sum(effect) as double) / nullif(count(effect), 0) as action_effect
    from cases
    group by period_type, first_month, kind, action_type
),

clusters as (
    select
        cases.period_type, cases.first_month, cases.kind, cases.action_type,
        sum(cases.effect - cast(counted.action_effect as decimal(15, 6))) as excess
    from cases
    inner join counted
        on
            cases.period_type = counted.period_type and cases.first_month = counted.first_month
            and cases.kind = counted.kind and cases.action_type = counted.action_type
    where cases.effect is not null
    group by
        cases.period_type, cases.first_month, cases.kind, cases.action_type, cases.month, cases.level, cases.peer_group
),

spread as (
    select
        period_type, first_month, kind, action_type, count(*) as clusters,
        cast(sum(cast(cast(excess as double) * cast(excess as double) as decimal(30, 6))) as double) as squares
    from clusters
    group by period_type, first_month, kind, action_type
),

-- The quantile of a t distribution by its expansion about the normal one, effect_width (Abramowitz and Stegun 26.7.5).
{%- set z = var('effect_width') %}
bounded as (
    select
        counted.*,
        counted.deals_before + counted.peer_change as expected_deals,
        case
            when spread.clusters > 1 and counted.n >= {{ var('effect_min_actions') }}
                then
                    sqrt(spread.squares * spread.clusters / (spread.clusters - 1)) / counted.n
                    * (
                        {{ z }} + cast({{ (z ** 3 + z) / 4 }} as double) / (spread.clusters - 1)
                        + cast({{ (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96 }} as double) / power(spread.clusters - 1, 2)
                        + cast({{ (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384 }} as double) / power(spread.clusters - 1, 3)
                    )
        end as half_width
    from counted
    left join spread
        on
            counted.period_type = spread.period_type and counted.first_month = spread.first_month
            and counted.kind = spread.kind and counted.action_type = spread.action_type
)

select
    period_type,
    first_month,
    kind,
    action_type,
    actions_done,
    actions_running,
    n,
    -- Without an interval no figure is shown that somebody could take for an effect.
    case when half_width is not null then deals_before end as deals_before,
    case when half_width is not null then deals_after end as deals_after,
    case when half_width is not null then expected_deals end as expected_deals,
    case when half_width is not null then action_effect end as action_effect,
    action_effect - half_width as interval_low,
    action_effect + half_width as interval_high,
    case
        when half_width is null then 'not_enough_evidence'
        when action_effect - half_width > 0 then 'works'
        when action_effect + half_width < 0 then 'harms'
        when action_effect + half_width < {{ var('effect_matters') }} * expected_deals then 'no_effect'
        else 'not_enough_evidence'
    end as verdict
from bounded
