with dated as (
    {{ extract_rows('staff') }}
)

select
    staff_id,
    staff_name,
    team,
    mission,
    monthly_hours,
    support_hours_per_week,
    source_name,
    file_name,
    row_number,
    extracted_on,
    next_extracted_on,
    is_first_extract
from dated
