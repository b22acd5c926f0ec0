-- Effects of actions by type: in each fiscal half, and in all halves together. The mean over the cases of a period, with the
-- interval of a t distribution. Cases that were compared with the same branches are not independent of each other: they are one
-- cluster, and the variance is between clusters.
with halves as (
    {{ fiscal_periods('half') }}
),

periods as (
    select 'half' as period_type, fiscal_year, fiscal_half, first_month, last_month from halves
    union all
    select 'all' as period_type, null as fiscal_year, null as fiscal_half, min(first_month) as first_month, max(last_month) as last_month
    from halves
),

last_month as (
    select max(month) as month from {{ ref('int_months') }} where is_complete
),

-- Branches of today that were open in the period.
branches as (
    select periods.period_type, periods.first_month, count(distinct places.entity_id) as open_branches
    from periods
    inner join {{ ref('int_branch_places') }} as places
        on periods.first_month <= places.month and periods.last_month >= places.month
    group by periods.period_type, periods.first_month
),

plans as (
    select
        periods.period_type, periods.first_month, actions.action_type,
        sum(actions.planned_actions) as planned_actions, sum(actions.planned_actions_done) as planned_actions_done,
        count(distinct case when actions.is_done then actions.branch_id end) as branches
    from periods
    inner join {{ ref('int_actions') }} as actions
        on periods.first_month <= actions.month and periods.last_month >= actions.month
    group by periods.period_type, periods.first_month, actions.action_type
),

cases as (
    select periods.period_type, periods.first_month, cases.*
    from periods
    inner join {{ ref('int_action_cases') }} as cases
        on periods.first_month <= cases.month and periods.last_month >= cases.month
),

counted as (
    select
        period_type, first_month, action_type,
        count(*) as actions_done,
        count(case when not is_over then 1 end) as actions_running,
        count(effect) as n,
        cast(sum(case when effect is not null then deals_before end) as double) / nullif(count(effect), 0) as deals_before,
        cast(sum(case when effect is not null then deals_after end) as double) / nullif(count(effect), 0) as deals_after,
        cast(sum(peer_change) as double) / nullif(count(effect), 0) as peer_change,
        cast(sum(effect) as double) / nullif(count(effect), 0) as action_effect
    from cases
    group by period_type, first_month, action_type
),

clusters as (
    select
        cases.period_type, cases.first_month, cases.action_type,
        sum(cases.effect - cast(counted.action_effect as decimal(15, 6))) as excess
    from cases
    inner join counted
        on
            cases.period_type = counted.period_type and cases.first_month = counted.first_month
            and cases.action_type = counted.action_type
    where cases.effect is not null
    group by cases.period_type, cases.first_month, cases.action_type, cases.month, cases.level, cases.peer_group
),

spread as (
    select
        period_type, first_month, action_type, count(*) as clusters,
        cast(sum(cast(cast(excess as double) * cast(excess as double) as decimal(30, 6))) as double) as squares
    from clusters
    group by period_type, first_month, action_type
),

-- 99 %, because many types and periods are judged at once. The quantile of a t distribution by its expansion about the normal one,
-- 2.576 (Abramowitz and Stegun 26.7.5).
errors as (
    select
        spread.*,
        sqrt(spread.squares * spread.clusters / (spread.clusters - 1)) / counted.n
        * (
            2.576 + cast(4.917 as double) / (spread.clusters - 1) + 8.835 / power(spread.clusters - 1, 2)
            + 12.144 / power(spread.clusters - 1, 3)
        )
            as half_width
    from spread
    inner join counted
        on
            spread.period_type = counted.period_type and spread.first_month = counted.first_month
            and spread.action_type = counted.action_type
    where spread.clusters > 1 and counted.n >= {{ var('effect_min_actions') }}
),

judged as (
    select
        periods.*, plans.action_type, plans.planned_actions, plans.planned_actions_done, plans.branches, branches.open_branches,
        counted.actions_done, counted.actions_running, counted.n, counted.deals_before, counted.deals_after, counted.action_effect,
        counted.deals_before + counted.peer_change as expected_deals,
        counted.action_effect - errors.half_width as interval_low,
        counted.action_effect + errors.half_width as interval_high,
        case
            when errors.half_width is null then 'not_enough_evidence'
            when counted.action_effect - errors.half_width > 0 then 'works'
            when counted.action_effect + errors.half_width < 0 then 'harms'
            when
                counted.action_effect + errors.half_width
                < {{ var('effect_matters') }} * (counted.deals_before + counted.peer_change)
                then 'no_effect'
            else 'not_enough_evidence'
        end as verdict
    from plans
    inner join periods on plans.period_type = periods.period_type and plans.first_month = periods.first_month
    inner join branches on plans.period_type = branches.period_type and plans.first_month = branches.first_month
    left join counted
        on
            plans.period_type = counted.period_type and plans.first_month = counted.first_month
            and plans.action_type = counted.action_type
    left join errors
        on
            plans.period_type = errors.period_type and plans.first_month = errors.first_month
            and plans.action_type = errors.action_type
)

select
    judged.action_type,
    judged.period_type,
    judged.fiscal_year,
    judged.fiscal_half,
    judged.first_month as period_start,
    {{ add_days(add_months('judged.last_month', 1), -1) }} as period_end,
    judged.period_type = 'all' or {{ add_months('judged.last_month', var('effect_months')) }} <= last_month.month as is_complete,
    cast(judged.planned_actions as bigint) as planned_actions,
    cast(judged.planned_actions_done as bigint) as planned_actions_done,
    {{ rate('judged.planned_actions_done', 'judged.planned_actions') }} as adoption_rate,
    cast(judged.branches as bigint) as branches,
    cast(judged.open_branches as bigint) as open_branches,
    cast(coalesce(judged.actions_done, 0) as bigint) as actions_done,
    cast(coalesce(judged.actions_running, 0) as bigint) as actions_running,
    cast(coalesce(judged.n, 0) as bigint) as n,
    -- Without an interval no figure is shown that somebody could take for an effect.
    case when judged.interval_low is not null then judged.deals_before end as deals_before,
    case when judged.interval_low is not null then judged.deals_after end as deals_after,
    case when judged.interval_low is not null then judged.expected_deals end as expected_deals,
    case when judged.interval_low is not null then judged.action_effect end as action_effect,
    judged.interval_low,
    judged.interval_high,
    case
        when judged.interval_low is not null and judged.expected_deals > 0 then judged.action_effect / judged.expected_deals
    end as effect_share,
    judged.verdict,
    case
        when judged.verdict in ('no_effect', 'harms') then 'stop'
        when judged.verdict = 'works' and judged.branches < {{ var('effect_start_share') }} * judged.open_branches then 'start'
        when judged.verdict = 'works' then 'keep'
    end as proposal
from judged
cross join last_month
