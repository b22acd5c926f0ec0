with latest as (
    {{ latest_rows('branch_profiles', ['branch_id', 'as_of']) }}
)

select
    branch_id,
    as_of,
    sales_headcount,
    customer_count,
    target_customer_overlap,
    products_carried,
    sells_competitor,
    focus_products,
    evaluation_scheme,
    source,
    level,
    own_kpi,
    product_rank,
    competitor_products,
    source_name,
    file_name,
    row_number,
    extracted_on
from latest
