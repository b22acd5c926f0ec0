-- What was planned and done at a branch of today: one row per branch, type of action and month. Actions are the actions in plans of a
-- branch, and activities of the types in action_activity_types. Activities of a programme are evaluated with the programme.
with actions as (
    {{ last_known('plan_actions', ['action_id']) }}
),

plans as (
    select distinct plan_id, scope_id as branch_id from {{ ref('stg_account_plans') }} where scope = 'branch'
),

planned as (
    select
        branches.current_branch_id as branch_id,
        actions.action_type,
        actions.due_on,
        case when actions.done_on <= today.as_of then actions.done_on end as done_on,
        today.as_of
    from actions
    inner join plans on actions.plan_id = plans.plan_id
    inner join {{ ref('dim_branch') }} as branches on plans.branch_id = branches.branch_id
    cross join {{ ref('int_as_of') }} as today
),

marks as (
    select
        branch_id, action_type, {{ month_of('due_on') }} as month,
        case when due_on <= as_of then 1 else 0 end as planned_actions,
        case when due_on <= as_of and done_on is not null then 1 else 0 end as planned_actions_done, 0 as done
    from planned
    union all
    select branch_id, action_type, {{ month_of('done_on') }} as month, 0 as planned_actions, 0 as planned_actions_done, 1 as done
    from planned
    where done_on is not null
    union all
    select
        activities.branch_id_current as branch_id, activities.activity_type as action_type, activities.occurred_month as month,
        0 as planned_actions, 0 as planned_actions_done, 1 as done
    from {{ ref('fct_activities') }} as activities
    -- Months up to today.
    inner join {{ ref('int_months') }} as months on activities.occurred_month = months.month
    where
        activities.activity_type in ({{ text_list(var('action_activity_types')) }})
        and activities.status = 'held' and activities.programme_id is null
)

select
    branch_id,
    action_type,
    month,
    cast(sum(planned_actions) as bigint) as planned_actions,
    cast(sum(planned_actions_done) as bigint) as planned_actions_done,
    max(done) = 1 as is_done
from marks
group by branch_id, action_type, month
having sum(marks.planned_actions) > 0 or max(marks.done) = 1
