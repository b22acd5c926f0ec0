with latest as (
    {{ latest_rows('deal_lines', ['line_id']) }}
)

select
    line_id,
    deal_id,
    product_id,
    quantity,
    amount,
    is_recurring,
    term_months,
    source_name,
    file_name,
    row_number,
    extracted_on
from latest
