-- The bridge between a version of a branch and every entity for which it counts: one row per branch version,
-- organisation and scope. as_was maps a version to the division and partner of its day. as_is maps it to the division
-- and partner of its branch today; after a split, of the successor with the largest share. A figure that is summed over
-- the bridge exists for all scopes and both organisations.
with placements as (
    select 'as_was' as organisation, branch_version_id, branch_id, division_id, partner_id
    from {{ ref('int_branch_versions') }}
    union all
    select
        'as_is' as organisation,
        versions.branch_version_id,
        branches.current_branch_id as branch_id,
        branches.current_division_id as division_id,
        branches.current_partner_id as partner_id
    from {{ ref('int_branch_versions') }} as versions
    inner join {{ ref('dim_branch') }} as branches on versions.branch_id = branches.branch_id
),

members as (
    select organisation, branch_version_id, 'branch' as scope, branch_id as entity_id from placements
    union all
    select organisation, branch_version_id, 'division' as scope, division_id as entity_id from placements
    union all
    select organisation, branch_version_id, 'partner' as scope, partner_id as entity_id from placements
    union all
    select organisation, branch_version_id, 'company' as scope, 'ALL' as entity_id from placements
)

select
    organisation,
    branch_version_id,
    scope,
    entity_id,
    -- An integer key, because figures are grouped and joined by it and the month.
    cast(dense_rank() over (order by organisation, scope, entity_id) as integer) as scope_key
from members
