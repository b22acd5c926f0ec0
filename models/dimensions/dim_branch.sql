-- The join cannot fan out: each branch has one successor of rank 1, itself where nothing succeeded it.
select
    branches.*,
    heaviest.branch_id_current as current_branch_id,
    partners.current_partner_id
from {{ ref('int_branches') }} as branches
left join {{ ref('int_branch_successors') }} as heaviest
    on branches.branch_id = heaviest.branch_id and heaviest.weight_rank = 1
left join {{ ref('int_branches') }} as current_branches on heaviest.branch_id_current = current_branches.branch_id
left join {{ ref('dim_partner') }} as partners on current_branches.partner_id = partners.partner_id
