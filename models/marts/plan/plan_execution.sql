-- How plans and meetings are carried out, by week and month. An action counts for the entity of its plan alone, and for the company.
-- It belongs to the week and the month of its day. A meeting counts for its branch and the larger entities of today.
with today as (
    select as_of from {{ ref('int_as_of') }}
),

actions as (
    select scope, entity_id, due_on, due_week, due_month, status from {{ ref('int_plan_actions') }}
    where book = 'today' and is_agreed and status != 'cancelled'
    union all
    select 'company' as scope, 'ALL' as entity_id, due_on, due_week, due_month, status from {{ ref('int_plan_actions') }}
    where book = 'today' and is_agreed and status != 'cancelled'
),

dated_actions as (
    select scope, entity_id, 'week' as period_type, due_week as period_start, due_on, status from actions
    union all
    select scope, entity_id, 'month' as period_type, due_month as period_start, due_on, status from actions
),

-- An action whose day has not passed is not due yet, unless it is done.
action_counts as (
    select
        scope, entity_id, period_type, period_start,
        sum(case when status != 'open' then 1 else 0 end) as due,
        sum(case when status = 'on_time' then 1 else 0 end) as on_time,
        sum(case when status = 'late' then 1 else 0 end) as late,
        sum(case when status = 'overdue' then 1 else 0 end) as overdue,
        sum(case when status = 'open' then 1 else 0 end) as still_open,
        max(case when status = 'overdue' then {{ days_between('due_on', 'today.as_of') }} end) as oldest_overdue_days
    from dated_actions
    cross join today
    group by scope, entity_id, period_type, period_start
),

meetings as (
    select 'week' as period_type, week as period_start, meetings.* from {{ ref('int_qbrs') }} as meetings
    union all
    select 'month' as period_type, month as period_start, meetings.* from {{ ref('int_qbrs') }} as meetings
),

meeting_counts as (
    select
        bridge.scope, bridge.entity_id, meetings.period_type, meetings.period_start,
        sum(case when meetings.activity_type = 'regular_meeting' then 1 else 0 end) as scheduled,
        sum(case when meetings.activity_type = 'regular_meeting' and meetings.is_held then 1 else 0 end) as held,
        sum(case when meetings.is_held then 1 else 0 end) as all_held,
        sum(case when meetings.is_held and meetings.has_next_action then 1 else 0 end) as with_next_action,
        {{ median('case when meetings.is_held then meetings.logged_lag_days end') }} as logged_lag_days
    from meetings
    inner join {{ ref('int_scope_bridge') }} as bridge
        on meetings.branch_version_id = bridge.branch_version_id and bridge.organisation = 'as_is'
    group by bridge.scope, bridge.entity_id, meetings.period_type, meetings.period_start
),

joined as (
    select
        coalesce(actions.scope, meetings.scope) as scope,
        coalesce(actions.entity_id, meetings.entity_id) as entity_id,
        coalesce(actions.period_type, meetings.period_type) as period_type,
        coalesce(actions.period_start, meetings.period_start) as period_start,
        actions.on_time, actions.due, actions.late, actions.overdue, actions.still_open, actions.oldest_overdue_days,
        meetings.held, meetings.scheduled, meetings.with_next_action, meetings.all_held, meetings.logged_lag_days
    from action_counts as actions
    full outer join meeting_counts as meetings
        on
            actions.scope = meetings.scope and actions.entity_id = meetings.entity_id
            and actions.period_type = meetings.period_type and actions.period_start = meetings.period_start
)

select
    joined.scope,
    joined.entity_id,
    joined.period_type,
    joined.period_start,
    case
        when joined.period_type = 'week' then {{ add_days('joined.period_start', 7) }} <= {{ add_days('today.as_of', 1) }}
        else {{ add_months('joined.period_start', 1) }} <= {{ add_days('today.as_of', 1) }}
    end as is_complete,
    cast(coalesce(joined.on_time, 0) as bigint) as action_on_time_numerator,
    cast(coalesce(joined.due, 0) as bigint) as action_on_time_denominator,
    {{ rate('joined.on_time', 'joined.due') }} as action_on_time,
    cast(coalesce(joined.late, 0) as bigint) as actions_late,
    cast(coalesce(joined.overdue, 0) as bigint) as actions_overdue,
    cast(coalesce(joined.still_open, 0) as bigint) as actions_open,
    cast(joined.oldest_overdue_days as integer) as oldest_overdue_days,
    cast(coalesce(joined.held, 0) as bigint) as cadence_numerator,
    cast(coalesce(joined.scheduled, 0) as bigint) as cadence_denominator,
    {{ rate('joined.held', 'joined.scheduled') }} as cadence,
    cast(coalesce(joined.with_next_action, 0) as bigint) as next_action_rate_numerator,
    cast(coalesce(joined.all_held, 0) as bigint) as next_action_rate_denominator,
    {{ rate('joined.with_next_action', 'joined.all_held') }} as next_action_rate,
    cast(joined.logged_lag_days as double) as logged_lag_days
from joined
cross join today
