-- The account managers of each branch, by interval. A person who is assigned to the whole partner is not the account manager of
-- a branch while somebody is assigned to that branch.
with assignments as (
    select
        staff_id,
        case when branch_id is null then 'partner' else 'branch' end as assigned_to,
        coalesce(branch_id, partner_id) as assigned_id,
        valid_from,
        valid_to
    from (
        {{ dated_history('staff_assignments', ['staff_id', 'partner_id', 'branch_id'], []) }}
    ) as history
),

open_branches as (
    select
        versions.branch_id,
        identity.acting_partner_id,
        greatest(versions.valid_from, identity.valid_from, coalesce(branches.opened_on, versions.valid_from)) as valid_from,
        least(versions.valid_to, identity.valid_to, coalesce(branches.closed_on, versions.valid_to)) as valid_to
    from {{ ref('int_branch_versions') }} as versions
    inner join {{ ref('int_branches') }} as branches on versions.branch_id = branches.branch_id and not branches.is_sentinel
    inner join {{ ref('int_partner_identity') }} as identity
        on
            versions.partner_id = identity.partner_id
            and versions.valid_from < identity.valid_to
            and identity.valid_from < versions.valid_to
),

-- A branch is reached by assignments to itself and by assignments to its partner.
reached_branches as (
    select branch_id, 'branch' as assigned_to, branch_id as assigned_id, valid_from, valid_to from open_branches
    union all
    select branch_id, 'partner' as assigned_to, acting_partner_id as assigned_id, valid_from, valid_to from open_branches
),

assigned_branches as (
    select
        assignments.staff_id,
        branches.branch_id,
        assignments.assigned_to,
        greatest(assignments.valid_from, branches.valid_from) as valid_from,
        least(assignments.valid_to, branches.valid_to) as valid_to
    from assignments
    inner join reached_branches as branches
        on
            assignments.assigned_to = branches.assigned_to
            and assignments.assigned_id = branches.assigned_id
            and assignments.valid_from < branches.valid_to
            and branches.valid_from < assignments.valid_to
),

boundaries as (
    select branch_id, valid_from as boundary from assigned_branches
    union
    select branch_id, valid_to as boundary from assigned_branches
),

pieces as (
    select
        branch_id,
        boundary as valid_from,
        lead(boundary) over (partition by branch_id order by boundary) as valid_to
    from boundaries
),

candidates as (
    select distinct
        pieces.branch_id,
        pieces.valid_from,
        pieces.valid_to,
        assigned_branches.staff_id,
        assigned_branches.assigned_to
    from pieces
    inner join assigned_branches
        on
            pieces.branch_id = assigned_branches.branch_id
            and assigned_branches.valid_from <= pieces.valid_from
            and pieces.valid_to <= assigned_branches.valid_to
),

-- 'branch' comes before 'partner' in the alphabet.
ranked as (
    select *, min(assigned_to) over (partition by branch_id, valid_from) as closest_assignment
    from candidates
),

account_managers as (
    select
        *,
        case
            when valid_from = lag(valid_to) over (partition by branch_id, staff_id, assigned_to order by valid_from) then 0
            else 1
        end as begins
    from ranked
    where assigned_to = closest_assignment
),

stretches as (
    select
        *,
        sum(begins) over (
            partition by branch_id, staff_id, assigned_to
            order by valid_from
            rows between unbounded preceding and current row
        ) as stretch
    from account_managers
)

select
    branch_id,
    staff_id,
    min(valid_from) as valid_from,
    max(valid_to) as valid_to,
    assigned_to,
    {{ is_within('(select as_of from ' ~ ref('int_as_of') ~ ')', 'min(valid_from)', 'max(valid_to)') }} as is_current
from stretches
group by branch_id, staff_id, assigned_to, stretch
