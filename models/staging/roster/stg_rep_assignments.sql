with dated as (
    {{ extract_rows('rep_assignments') }}
)

select
    rep_id,
    branch_id,
    valid_from,
    valid_to,
    is_primary,
    role,
    source_name,
    file_name,
    row_number,
    extracted_on,
    next_extracted_on,
    is_first_extract
from dated
