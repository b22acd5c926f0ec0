with dated as (
    {{ extract_rows('customers') }}
)

select
    customer_id,
    customer_name,
    corporate_number,
    prefecture,
    industry,
    employee_count,
    source_name,
    file_name,
    row_number,
    extracted_on,
    next_extracted_on,
    is_first_extract
from dated
