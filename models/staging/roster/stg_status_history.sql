with dated as (
    {{ extract_rows('status_history') }}
)

select
    entity_type,
    entity_id,
    status,
    valid_from,
    source_name,
    file_name,
    row_number,
    extracted_on,
    next_extracted_on,
    is_first_extract
from dated
