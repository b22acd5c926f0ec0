with latest as (
    {{ latest_rows('leads_supplied', ['lead_id']) }}
)

select
    lead_id,
    branch_id,
    passed_at,
    accepted_at,
    first_contact_at,
    deal_id,
    programme_id,
    source_name,
    file_name,
    row_number,
    extracted_on
from latest
