-- Activities as the systems have them, and what was done with rows of the activation worklist.
select
    activity_id, activity_type, occurred_at, cast(null as date) as done_on, logged_at, partner_id, branch_id, deal_id, programme_id,
    staff_id, duration_minutes, is_two_way, is_mass, status, note, note_audience, next_action, next_action_due_on,
    next_action_done_on, cast(null as date) as worklist_on, extracted_on
from {{ ref('stg_activities') }}
union all
select
    {{ worklist_activity_id() }} as activity_id, action_type, null as occurred_at,
    coalesce(done_on, extracted_on) as done_on, null as logged_at, null as partner_id, branch_id, null as deal_id,
    null as programme_id, done_by, duration_minutes, null as is_two_way, null as is_mass, 'held' as status, note,
    note_audience, next_action, next_action_due_on, null as next_action_done_on, listed_on as worklist_on, extracted_on
from {{ ref('stg_worklist_results') }}
