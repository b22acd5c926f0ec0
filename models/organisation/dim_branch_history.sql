select
    branch_version_id,
    branch_id,
    valid_from,
    valid_to,
    partner_id,
    branch_name,
    division_id,
    division_name,
    prefecture,
    is_current
from {{ ref('int_branch_versions') }}
