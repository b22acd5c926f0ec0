with dated as (
    {{ extract_rows('targets') }}
)

select
    metric,
    scope,
    scope_id,
    baseline,
    baseline_on,
    target,
    period_start,
    deadline,
    source_name,
    file_name,
    row_number,
    extracted_on,
    next_extracted_on,
    is_first_extract
from dated
