with dated as (
    {{ extract_rows('products') }}
)

select
    product_id,
    product_name,
    product_family,
    is_service,
    source_name,
    file_name,
    row_number,
    extracted_on,
    next_extracted_on,
    is_first_extract
from dated
