-- Actions of the plans, with the week and the month that they are due in. An action belongs to the week and the month of its day.
select
    actions.action_id,
    actions.plan_id,
    actions.goal_id,
    actions.scope,
    actions.entity_id,
    scopes.entity_name,
    case when actions.scope = 'branch' then actions.entity_id end as branch_id,
    scopes.partner_id,
    actions.is_agreed,
    actions.owner_staff_id,
    staff.staff_name as owner_staff_name,
    actions.owner_side,
    actions.action_type,
    actions.due_on,
    actions.due_week,
    actions.due_month,
    actions.done_on,
    actions.activity_id,
    actions.status,
    actions.source_status,
    cast(case when actions.status = 'late' then {{ days_between('actions.due_on', 'actions.done_on') }} end as integer) as days_late,
    cast(case when actions.status = 'overdue' then {{ days_between('actions.due_on', 'actions.as_of') }} end as integer)
        as days_overdue
from {{ ref('int_plan_actions') }} as actions
left join {{ ref('int_scopes') }} as scopes
    on actions.scope = scopes.scope and actions.entity_id = scopes.entity_id and scopes.organisation = 'as_was'
left join {{ ref('dim_staff') }} as staff on actions.owner_staff_id = staff.staff_id
where actions.book = 'today'
