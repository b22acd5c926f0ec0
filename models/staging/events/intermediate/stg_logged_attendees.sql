-- Attendees as the systems have them, and the persons who were reached with rows of the activation worklist.
select activity_id, attendee_id, attendee_type, rep_id, rep_email, attendance
from {{ ref('stg_activity_attendees') }}
union all
select
    {{ worklist_activity_id() }} as activity_id, rep_id as attendee_id, 'rep' as attendee_type, rep_id,
    null as rep_email, 'attended' as attendance
from {{ ref('stg_worklist_results') }}
where rep_id is not null
