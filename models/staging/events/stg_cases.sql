with latest as (
    {{ latest_rows('cases', ['case_id']) }}
)

select
    case_id,
    branch_id,
    kind,
    level,
    product_id,
    customer_industry,
    summary,
    is_shareable,
    recorded_on,
    topic,
    closed_on,
    solved_by_case_id,
    source_name,
    file_name,
    row_number,
    extracted_on
from latest
