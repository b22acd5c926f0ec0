-- The account managers of each branch, by interval. A person who is assigned to the whole partner is not the account manager of
-- a branch while somebody is assigned to that branch.
with assignments as (
    {{ dated_history('staff_assignments', ['staff_id', 'partner_id', 'branch_id'], []) }}
),

open_branches as (
    select
        partners.branch_id,
        partners.acting_partner_id,
        greatest(partners.valid_from, coalesce(branches.opened_on, partners.valid_from)) as valid_from,
        least(partners.valid_to, coalesce(branches.closed_on, partners.valid_to)) as valid_to
    from {{ ref('int_branch_partners') }} as partners
    inner join {{ ref('int_branches') }} as branches on partners.branch_id = branches.branch_id
),

assigned_branches as (
    select
        assignments.staff_id,
        branches.branch_id,
        'branch' as assigned_to,
        greatest(assignments.valid_from, branches.valid_from) as valid_from,
        least(assignments.valid_to, branches.valid_to) as valid_to
    from assignments
    inner join open_branches as branches
        on
            assignments.branch_id = branches.branch_id
            and assignments.valid_from < branches.valid_to
            and branches.valid_from < assignments.valid_to
    union all
    select
        assignments.staff_id,
        branches.branch_id,
        'partner' as assigned_to,
        greatest(assignments.valid_from, branches.valid_from) as valid_from,
        least(assignments.valid_to, branches.valid_to) as valid_to
    from assignments
    inner join open_branches as branches
        on
            assignments.partner_id = branches.acting_partner_id
            and assignments.valid_from < branches.valid_to
            and branches.valid_from < assignments.valid_to
    where assignments.branch_id is null
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
