with dated as (
    {{ extract_rows('branches') }}
)

select
    branch_id,
    partner_id,
    branch_name,
    division_id,
    division_name,
    branch_kind,
    is_head_office,
    prefecture,
    opened_on,
    closed_on,
    is_focus,
    contract_started_on,
    contract_ended_on,
    source_name,
    file_name,
    row_number,
    extracted_on,
    next_extracted_on,
    is_first_extract
from dated
