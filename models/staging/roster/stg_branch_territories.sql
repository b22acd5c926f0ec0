with dated as (
    {{ extract_rows('branch_territories') }}
)

select
    branch_id,
    prefecture,
    valid_from,
    valid_to,
    source_name,
    file_name,
    row_number,
    extracted_on,
    next_extracted_on,
    is_first_extract
from dated
