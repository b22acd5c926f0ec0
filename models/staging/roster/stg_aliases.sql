with dated as (
    {{ extract_rows('aliases') }}
)

select
    entity_type,
    entity_id,
    alias,
    valid_from,
    valid_to,
    source_name,
    file_name,
    row_number,
    extracted_on,
    next_extracted_on,
    is_first_extract
from dated
