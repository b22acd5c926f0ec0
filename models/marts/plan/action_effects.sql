-- Effects of actions by type (int_action_effects), with what was planned and how many branches did it.
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
)

select
    plans.action_type,
    periods.period_type,
    periods.fiscal_year,
    periods.fiscal_half,
    periods.first_month as period_start,
    {{ add_days(add_months('periods.last_month', 1), -1) }} as period_end,
    periods.period_type = 'all' or {{ add_months('periods.last_month', var('effect_months')) }} <= last_month.month as is_complete,
    cast(plans.planned_actions as bigint) as planned_actions,
    cast(plans.planned_actions_done as bigint) as planned_actions_done,
    {{ rate('plans.planned_actions_done', 'plans.planned_actions') }} as adoption_rate,
    cast(plans.branches as bigint) as branches,
    cast(branches.open_branches as bigint) as open_branches,
    cast(coalesce(effects.actions_done, 0) as bigint) as actions_done,
    cast(coalesce(effects.actions_running, 0) as bigint) as actions_running,
    cast(coalesce(effects.n, 0) as bigint) as n,
    effects.deals_before,
    effects.deals_after,
    effects.expected_deals,
    effects.action_effect,
    effects.interval_low,
    effects.interval_high,
    case when effects.expected_deals > 0 then effects.action_effect / effects.expected_deals end as effect_share,
    coalesce(effects.verdict, 'not_enough_evidence') as verdict,
    case
        when effects.verdict in ('no_effect', 'harms') then 'stop'
        when effects.verdict = 'works' and plans.branches < {{ var('effect_start_share') }} * branches.open_branches then 'start'
        when effects.verdict = 'works' then 'keep'
    end as proposal
from plans
inner join periods on plans.period_type = periods.period_type and plans.first_month = periods.first_month
inner join branches on plans.period_type = branches.period_type and plans.first_month = branches.first_month
cross join last_month
left join {{ ref('int_action_effects') }} as effects
    on
        plans.period_type = effects.period_type and plans.first_month = effects.first_month
        and plans.action_type = effects.action_type and effects.kind = 'ALL'
