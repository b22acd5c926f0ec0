with dated as (
    {{ extract_rows('partners') }}
)

select
    partner_id,
    partner_name,
    corporate_number,
    partner_type,
    parent_partner_id,
    industry,
    contract_started_on,
    contract_ended_on,
    is_focus,
    successor_partner_id,
    succeeded_on,
    source_name,
    file_name,
    row_number,
    extracted_on,
    next_extracted_on,
    is_first_extract
from dated
