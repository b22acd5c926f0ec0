with dated as (
    {{ extract_rows('decisions') }}
)

select
    decision_id,
    decision,
    metric,
    scope,
    scope_id,
    figure,
    taken_on,
    taken_by,
    expected_value,
    expected_by,
    programme_id,
    source_name,
    file_name,
    row_number,
    extracted_on,
    next_extracted_on,
    is_first_extract
from dated
