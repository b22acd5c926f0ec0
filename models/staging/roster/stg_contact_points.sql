with dated as (
    {{ extract_rows('contact_points') }}
)

select
    owner_type,
    owner_id,
    kind,
    value,
    valid_from,
    valid_to,
    source_name,
    file_name,
    row_number,
    extracted_on,
    next_extracted_on,
    is_first_extract
from dated
