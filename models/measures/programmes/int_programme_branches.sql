-- Branches that take part in a programme, and the branch of today of each.
with latest as (
    {{ last_known('programme_branches', ['programme_id', 'branch_id']) }}
)

select
    latest.programme_id,
    latest.branch_id,
    branches.current_branch_id as branch_id_current,
    branches.current_partner_id as partner_id,
    latest.role,
    latest.joined_on,
    latest.agreed_on,
    latest.share
from latest
left join {{ ref('dim_branch') }} as branches on latest.branch_id = branches.branch_id
