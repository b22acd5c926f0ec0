with dated as (
    {{ extract_rows('staff_assignments') }}
)

select
    staff_id,
    partner_id,
    branch_id,
    valid_from,
    valid_to,
    source_name,
    file_name,
    row_number,
    extracted_on,
    next_extracted_on,
    is_first_extract
from dated
