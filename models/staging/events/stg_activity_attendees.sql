with latest as (
    {{ latest_rows('activity_attendees', ['activity_id', 'attendee_id']) }}
)

select
    activity_id,
    attendee_id,
    attendee_type,
    rep_id,
    rep_email,
    attendance,
    source_name,
    file_name,
    row_number,
    extracted_on
from latest
