-- The joins cannot fan out: branch_id and rep_id are unique in what they join.
with entities as (
    select
        'branch' as scope, branch_id as entity_id, branch_name as entity_name, branch_id, division_id, partner_id, closed_on,
        is_sentinel
    from {{ ref('dim_branch') }}
    union all
    select 'division', division_id as entity_id, division_name, null, division_id, partner_id, null, is_sentinel
    from {{ ref('dim_division') }}
    union all
    select 'partner', partner_id as entity_id, partner_name, null, null, partner_id, null, is_sentinel
    from {{ ref('dim_partner') }}
    union all
    select 'rep', reps.rep_id, reps.rep_name, reps.current_branch_id, branches.division_id, reps.partner_id, reps.left_on, reps.is_sentinel
    from {{ ref('dim_rep') }} as reps
    left join {{ ref('dim_branch') }} as branches on reps.current_branch_id = branches.branch_id
    union all
    select 'company', 'ALL', '全社 (company)', null, null, null, null, false
)

select
    entities.scope,
    entities.entity_id,
    coalesce(entities.entity_name, entities.entity_id) as entity_name,
    entities.branch_id,
    branches.branch_name,
    entities.division_id,
    divisions.division_name,
    entities.partner_id,
    partners.partner_name,
    branches.prefecture,
    managers.account_manager_id,
    managers.account_manager_name,
    entities.closed_on,
    entities.is_sentinel
from entities
left join {{ ref('dim_branch') }} as branches on entities.branch_id = branches.branch_id
left join {{ ref('dim_division') }} as divisions on entities.division_id = divisions.division_id
left join {{ ref('dim_partner') }} as partners on entities.partner_id = partners.partner_id
left join {{ ref('int_branch_managers') }} as managers on entities.branch_id = managers.branch_id
