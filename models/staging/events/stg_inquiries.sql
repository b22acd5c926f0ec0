with latest as (
    {{ latest_rows('inquiries', ['inquiry_id']) }}
)

select
    inquiry_id,
    received_at,
    company_name,
    industry,
    prefecture,
    kind,
    became_partner_id,
    source_name,
    file_name,
    row_number,
    extracted_on
from latest
