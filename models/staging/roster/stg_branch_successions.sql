with dated as (
    {{ extract_rows('branch_successions') }}
)

select
    from_branch_id,
    to_branch_id,
    effective_on,
    kind,
    weight,
    source_name,
    file_name,
    row_number,
    extracted_on,
    next_extracted_on,
    is_first_extract
from dated
