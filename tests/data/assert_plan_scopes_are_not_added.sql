-- Fails when plans of two scopes were added. A partner, its divisions and its branches hold the same business, so their plans and
-- results hold it two or three times. What is below a plan must be of one scope and cannot ask for more than all plans of that scope
-- within the entity, and a result must be that of the plan's own entity. It is no test of whether targets are reasonable.
{{ config(meta={'dagster': {'ref': {'name': 'plan_reconciliation'}}}) }}

with plans as (
    select
        versions.plan_id, versions.scope, versions.period_start, versions.period_end, versions.parent_plan_id, scopes.partner_id,
        scopes.division_id
    from {{ ref('int_plan_versions') }} as versions
    left join {{ ref('int_scopes') }} as scopes
        on versions.scope = scopes.scope and versions.entity_id = scopes.entity_id and scopes.organisation = 'as_was'
    where versions.book = 'today' and versions.is_current
),

totals as (
    select plan_id, metric, sum(plan_target) as plan_target
    from (
        select plan_id, metric, goal_id, max(plan_target) as plan_target
        from {{ ref('plan_progress') }}
        where is_kept
        group by plan_id, metric, goal_id
    ) as goals
    group by plan_id, metric
),

reconciled as (
    select plan_id, scope, entity_id, metric, child_scope, period_start, period_end, child_plan_target
    from {{ ref('plan_reconciliation') }}
),

allowed as (
    select reconciled.plan_id, reconciled.metric, reconciled.child_scope, sum(totals.plan_target) as plan_target
    from reconciled
    inner join plans
        on
            reconciled.child_scope = plans.scope
            and (
                reconciled.plan_id = plans.parent_plan_id
                or case when reconciled.scope = 'partner' then plans.partner_id else plans.division_id end = reconciled.entity_id
            )
    inner join totals on plans.plan_id = totals.plan_id and reconciled.metric = totals.metric
    where plans.period_start <= reconciled.period_end and plans.period_end >= reconciled.period_start
    group by reconciled.plan_id, reconciled.metric, reconciled.child_scope
),

results as (
    select scopes.scope, scopes.entity_id, months.month, cast(months.won_amount as double) as won_amount
    from {{ ref('int_monthly') }} as months
    inner join {{ ref('int_scopes') }} as scopes on months.scope_key = scopes.scope_key and scopes.organisation = 'as_is'
)

select
    'the plans below are of more than one scope' as problem, reconciled.plan_id, reconciled.child_scope as scope,
    reconciled.period_start as month, reconciled.child_plan_target as found, allowed.plan_target as wanted
from reconciled
left join allowed
    on
        reconciled.plan_id = allowed.plan_id and reconciled.metric = allowed.metric
        and reconciled.child_scope = allowed.child_scope
where reconciled.child_plan_target > coalesce(allowed.plan_target, 0) + 0.5
union all
select 'a plan is below one of its own scope', plan_id, child_scope, period_start, child_plan_target, 0
from reconciled
where child_scope = scope or child_scope not in ('branch', 'division')
union all
select 'the result is not that of the entity', progress.plan_id, progress.scope, progress.month, progress.goal_actual, results.won_amount
from {{ ref('plan_progress') }} as progress
inner join results
    on progress.scope = results.scope and progress.entity_id = results.entity_id and progress.month = results.month
where progress.metric = 'won_amount' and abs(progress.goal_actual - results.won_amount) > 0.005
