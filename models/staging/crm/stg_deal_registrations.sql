with latest as (
    {{ latest_rows('deal_registrations', ['registration_id']) }}
)

select
    registration_id,
    deal_id,
    partner_id,
    branch_id,
    rep_id,
    rep_email,
    submitted_by,
    channel,
    customer_id,
    customer_name,
    product_id,
    submitted_at,
    approved_at,
    status,
    expires_on,
    source_name,
    file_name,
    row_number,
    extracted_on
from latest
