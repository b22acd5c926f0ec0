-- Key people of branches by interval: heads, managers and key persons of the roster, at the branch of today. Assignments of one
-- person in one role that follow each other without a gap are one. The head before is known only of heads.
with assignments as (
    select
        branches.current_branch_id as branch_id_current,
        assignments.branch_id,
        assignments.role,
        assignments.rep_id,
        assignments.valid_from,
        assignments.valid_to,
        max(assignments.valid_to) over (
            partition by branches.current_branch_id, assignments.role, assignments.rep_id
            order by assignments.valid_from, assignments.valid_to, assignments.branch_id
            rows between unbounded preceding and 1 preceding
        ) as occupied_until
    from {{ ref('dim_rep_assignment') }} as assignments
    inner join {{ ref('dim_branch') }} as branches on assignments.branch_id = branches.branch_id and not branches.is_sentinel
    where assignments.role in ('branch_head', 'manager', 'key_person')
),

numbered as (
    select
        *,
        sum(case when valid_from <= occupied_until then 0 else 1 end) over (
            partition by branch_id_current, role, rep_id order by valid_from, valid_to, branch_id
            rows between unbounded preceding and current row
        ) as stint
    from assignments
),

stints as (
    select
        branch_id_current, role, rep_id, stint,
        min(valid_from) as valid_from, max(valid_to) as valid_to,
        max(case when occupied_until is null or valid_from > occupied_until then branch_id end) as branch_id
    from numbered
    group by branch_id_current, role, rep_id, stint
),

ordered as (
    select
        *,
        lag(rep_id) over (partition by branch_id_current, role order by valid_from, rep_id) as rep_id_before
    from stints
)

select
    branch_id_current,
    branch_id,
    role,
    rep_id,
    valid_from,
    valid_to,
    case when role = 'branch_head' and rep_id_before != rep_id then rep_id_before end as previous_head_id
from ordered
