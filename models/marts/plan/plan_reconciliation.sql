-- Plans of divisions and companies next to the plans below them, one row for each scope below: the plans of branches, or the plans
-- of divisions. Two scopes are never added, because they hold the same business twice. A plan is below another if it names it, or if
-- its entity belongs to the other one and both have the same period.
with goals as (
    select
        plan_id, scope, entity_id, metric, period_start, period_end,
        sum(case when month = last_month then plan_target end) as plan_target,
        sum(case when month = shown_month then target_to_date end) as target_to_date,
        sum(case when month = shown_month then actual_to_date end) as actual_to_date
    from (
        select
            progress.*,
            max(month) over (partition by plan_id, goal_id) as last_month,
            max(case when is_complete then month end) over (partition by plan_id, goal_id) as shown_month
        from {{ ref('int_plan_progress') }} as progress
    ) as shown
    where is_flow and is_kept
    group by plan_id, scope, entity_id, metric, period_start, period_end
),

-- Drafts are listed, because a plan that nobody agreed to leaves a gap.
versions as (
    select plans.*, scopes.division_id, scopes.partner_id
    from {{ ref('int_plan_versions') }} as plans
    left join {{ ref('int_scopes') }} as scopes
        on plans.scope = scopes.scope and plans.entity_id = scopes.entity_id and scopes.organisation = 'as_was'
    where plans.book = 'today' and plans.is_latest
),

parents as (
    select plan_id, scope, entity_id, period_start, period_end from versions where scope != 'branch'
),

links as (
    select parents.plan_id, versions.plan_id as child_plan_id, versions.scope as child_scope
    from parents
    inner join versions on parents.plan_id = versions.parent_plan_id
    where versions.scope != parents.scope
    union
    select parents.plan_id, versions.plan_id as child_plan_id, versions.scope as child_scope
    from parents
    inner join versions
        on
            parents.entity_id = versions.partner_id and parents.period_start = versions.period_start
            and parents.period_end = versions.period_end
    where parents.scope = 'partner' and versions.scope != 'partner'
    union
    select parents.plan_id, versions.plan_id as child_plan_id, versions.scope as child_scope
    from parents
    inner join versions
        on
            parents.entity_id = versions.division_id and parents.period_start = versions.period_start
            and parents.period_end = versions.period_end
    where parents.scope = 'division' and versions.scope = 'branch'
),

below as (
    select
        links.plan_id, links.child_scope, parent_goals.metric,
        count(*) as plans,
        count(child_goals.plan_id) as agreed_plans,
        cast(sum({{ exact('child_goals.plan_target') }}) as double) as plan_target,
        cast(sum({{ exact('child_goals.target_to_date') }}) as double) as target_to_date,
        cast(sum({{ exact('child_goals.actual_to_date') }}) as double) as actual_to_date
    from links
    inner join goals as parent_goals on links.plan_id = parent_goals.plan_id
    left join goals as child_goals on links.child_plan_id = child_goals.plan_id and parent_goals.metric = child_goals.metric
    group by links.plan_id, links.child_scope, parent_goals.metric
)

select
    goals.plan_id,
    goals.scope,
    goals.entity_id,
    goals.metric,
    goals.period_start,
    goals.period_end,
    goals.plan_target,
    goals.target_to_date,
    goals.actual_to_date,
    case when goals.target_to_date != 0 then goals.actual_to_date / goals.target_to_date end as scope_attainment,
    below.child_scope,
    cast(below.plans as bigint) as child_plans,
    cast(below.agreed_plans as bigint) as agreed_child_plans,
    coalesce(below.plan_target, cast(0 as double)) as child_plan_target,
    goals.plan_target - coalesce(below.plan_target, cast(0 as double)) as unallocated_target,
    below.actual_to_date as child_actual_to_date,
    case when below.target_to_date != 0 then below.actual_to_date / below.target_to_date end as child_attainment,
    goals.actual_to_date - below.actual_to_date as other_actual_to_date
from goals
inner join below on goals.plan_id = below.plan_id and goals.metric = below.metric
