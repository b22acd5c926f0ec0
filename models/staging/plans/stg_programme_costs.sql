with dated as (
    {{ extract_rows('programme_costs') }}
)

select
    programme_id,
    month,
    cost_kind,
    amount,
    source_name,
    file_name,
    row_number,
    extracted_on,
    next_extracted_on,
    is_first_extract
from dated
