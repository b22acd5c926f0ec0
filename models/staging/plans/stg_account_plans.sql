with dated as (
    {{ extract_rows('account_plans') }}
)

select
    plan_id,
    version,
    scope,
    scope_id,
    period_start,
    period_end,
    agreed_on,
    agreed_by,
    status,
    parent_plan_id,
    follows_plan_id,
    owner_staff_id,
    partner_benefit,
    vendor_benefit,
    lessons,
    source_name,
    file_name,
    row_number,
    extracted_on,
    next_extracted_on,
    is_first_extract
from dated
