select
    approvals.registration_id,
    approvals.deal_id,
    approvals.branch_id,
    branches.current_division_id as division_id,
    branches.current_partner_id as partner_id,
    managers.account_manager_id,
    managers.account_manager_name,
    approvals.status,
    approvals.submitted_on,
    approvals.approved_on,
    approvals.is_waiting,
    approvals.wait_days,
    approvals.usual_days,
    approvals.share_shorter,
    case when approvals.is_waiting then approvals.share_shorter > {{ var('stuck_share') }} end as is_late
from {{ ref('int_approvals') }} as approvals
inner join {{ ref('dim_branch') }} as branches on approvals.branch_id = branches.branch_id
left join {{ ref('int_branch_managers') }} as managers on approvals.branch_id = managers.branch_id
