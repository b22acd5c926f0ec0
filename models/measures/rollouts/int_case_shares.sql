-- Cases that were shared with another branch of today.
select shares.case_id, branches.current_branch_id as target_branch_id, shares.shared_on, shares.adopted_on
from {{ ref('stg_case_shares') }} as shares
inner join {{ ref('dim_branch') }} as branches on shares.to_branch_id = branches.branch_id and not branches.is_sentinel
inner join {{ ref('int_cases') }} as cases on shares.case_id = cases.case_id
where branches.current_branch_id != cases.branch_id_current
