with latest as (
    {{ latest_rows('deal_amount_events', ['event_id']) }}
)

select
    event_id,
    deal_id,
    event_type,
    event_on,
    amount_delta,
    currency,
    reason,
    source_name,
    file_name,
    row_number,
    extracted_on
from latest
