with dated as (
    {{ extract_rows('phase_history') }}
)

select
    scope,
    scope_id,
    phase,
    valid_from,
    source_name,
    file_name,
    row_number,
    extracted_on,
    next_extracted_on,
    is_first_extract
from dated
