with latest as (
    {{ latest_rows('activities', ['activity_id']) }}
)

select
    activity_id,
    activity_type,
    occurred_at,
    logged_at,
    partner_id,
    branch_id,
    deal_id,
    programme_id,
    staff_id,
    duration_minutes,
    is_two_way,
    is_mass,
    status,
    note,
    next_action,
    next_action_due_on,
    next_action_done_on,
    note_audience,
    source_name,
    file_name,
    row_number,
    extracted_on
from latest
