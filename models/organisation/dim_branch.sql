-- The joins cannot fan out: each branch has one current version and one successor of rank 1. A branch without a
-- successor is its own.
select
    branches.branch_id,
    branches.partner_id,
    branches.branch_name,
    versions.division_id,
    versions.division_name,
    branches.branch_kind,
    branches.is_head_office,
    branches.prefecture,
    branches.opened_on,
    branches.closed_on,
    branches.is_focus,
    branches.contract_started_on,
    branches.contract_ended_on,
    branches.is_sentinel,
    heaviest.branch_id_current as current_branch_id,
    current_versions.division_id as current_division_id,
    partners.current_partner_id
from {{ ref('int_branches') }} as branches
inner join {{ ref('int_branch_versions') }} as versions on branches.branch_id = versions.branch_id and versions.is_current
left join {{ ref('int_branch_successors') }} as heaviest
    on branches.branch_id = heaviest.branch_id and heaviest.weight_rank = 1
left join {{ ref('int_branch_versions') }} as current_versions
    on heaviest.branch_id_current = current_versions.branch_id and current_versions.is_current
left join {{ ref('dim_partner') }} as partners on current_versions.partner_id = partners.partner_id
