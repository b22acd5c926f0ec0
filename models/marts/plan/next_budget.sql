-- A proposal of the money of the next fiscal year and how it was made, next to the target that a person has set. It is never a
-- target by itself. Divisions, partners and the company have the sum of their branches. A branch also has the action that worked
-- in branches of its kind.
with last_month as (
    select month, {{ add_months(fiscal_year_start('month'), 12) }} as year_start
    from (select max(month) as month from {{ ref('int_months') }} where is_complete) as months
),

places as (
    select distinct own.scope_key as branch_key, larger.scope, larger.entity_id
    from {{ ref('int_scope_bridge') }} as own
    inner join {{ ref('int_scope_bridge') }} as larger
        on own.branch_version_id = larger.branch_version_id and own.organisation = larger.organisation
    where own.organisation = 'as_is' and own.scope = 'branch'
),

summed as (
    select
        places.scope, places.entity_id,
        count(*) as branches,
        cast(sum({{ exact_money('proposals.run_rate') }}) as double) as run_rate,
        cast(sum({{ exact_money('proposals.capacity') }}) as double) as capacity,
        cast(sum({{ exact_money('proposals.proposal') }}) as double) as proposal,
        max(case when places.scope = 'branch' then proposals.basis end) as basis,
        max(case when places.scope = 'branch' then proposals.segment end) as segment,
        max(case when places.scope = 'branch' then proposals.growth_basis end) as growth_basis,
        max(case when places.scope = 'branch' then proposals.growth end) as growth,
        max(case when places.scope = 'branch' then proposals.action_type end) as action_type,
        max(case when places.scope = 'branch' then proposals.effect_basis end) as effect_basis,
        max(case when places.scope = 'branch' then proposals.effect_actions end) as effect_actions,
        max(case when places.scope = 'branch' then proposals.action_effect end) as action_effect,
        max(case when places.scope = 'branch' then proposals.interval_low end) as interval_low,
        max(case when places.scope = 'branch' then proposals.interval_high end) as interval_high,
        max(case when places.scope = 'branch' then proposals.action_months end) as action_months
    from {{ ref('int_budget_proposals') }} as proposals
    inner join last_month on proposals.month = last_month.month
    inner join places on proposals.scope_key = places.branch_key
    group by places.scope, places.entity_id
),

-- A person's target: that of a plan before that of the list of targets; an agreed plan before a draft.
set_targets as (
    select
        plans.scope, plans.entity_id, plans.plan_id as set_by,
        case when plans.is_agreed then 1 else 2 end as set_order,
        case when plans.is_agreed then ambitions.target else cast(drafts.won_amount_target as double) end as target
    from {{ ref('int_plan_versions') }} as plans
    inner join last_month
        on
            plans.period_start = last_month.year_start
            and plans.period_end = {{ add_days(add_months('last_month.year_start', 12), -1) }}
    left join {{ ref('int_plan_ambitions') }} as ambitions on plans.plan_id = ambitions.plan_id
    left join {{ ref('int_plan_goal_counts') }} as drafts on plans.plan_id = drafts.plan_id and plans.version = drafts.version
    where plans.book = 'today' and (plans.is_current or (plans.is_latest and not plans.is_agreed))
    union all
    select
        targets.scope, targets.entity_id, cast(null as string) as set_by, 3 as set_order, cast(targets.target as double) as target
    from {{ ref('int_targets') }} as targets
    inner join last_month
        on
            targets.period_start = last_month.year_start
            and targets.deadline = {{ add_days(add_months('last_month.year_start', 12), -1) }}
    -- A target of the company includes direct sales, so it is not compared with what partners bring.
    where targets.metric = 'won_amount' and targets.scope != 'company'
),

chosen as (
    select
        *,
        row_number() over (partition by scope, entity_id order by set_order nulls last, set_by nulls last) as preference
    from set_targets
    where target is not null
)

select
    summed.scope,
    summed.entity_id,
    case when summed.scope = 'branch' then summed.entity_id end as branch_id,
    scopes.entity_name,
    scopes.partner_id,
    {{ fiscal_year('last_month.year_start') }} as fiscal_year,
    last_month.month as as_of_month,
    cast(summed.branches as bigint) as branches,
    summed.segment,
    {{ round_money('summed.run_rate') }} as run_rate_amount,
    case when summed.basis in ('growth', 'capacity') then summed.growth_basis end as growth_basis,
    case when summed.basis in ('growth', 'capacity') then summed.growth end as expected_growth,
    {{ round_money('summed.capacity') }} as capacity_amount,
    summed.basis as proposal_basis,
    {{ round_money('summed.proposal') }} as proposed_amount,
    {{ round_money('chosen.target') }} as set_amount,
    case chosen.set_order when 1 then 'agreed_plan' when 2 then 'draft_plan' when 3 then 'target' end as set_status,
    chosen.set_by as set_plan_id,
    {{ round_money('chosen.target - summed.proposal') }} as set_gap_amount,
    {{ proposal_reason('en') }} as proposal_reason,
    {{ proposal_reason('ja') }} as proposal_reason_ja,
    summed.action_type,
    summed.effect_basis,
    cast(summed.effect_actions as bigint) as effect_actions,
    summed.action_effect,
    summed.interval_low,
    summed.interval_high,
    cast(summed.action_months as bigint) as action_months
from summed
cross join last_month
inner join {{ ref('int_scopes') }} as scopes
    on summed.scope = scopes.scope and summed.entity_id = scopes.entity_id and scopes.organisation = 'as_is'
left join chosen on summed.scope = chosen.scope and summed.entity_id = chosen.entity_id and chosen.preference = 1
