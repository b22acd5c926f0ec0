-- The account manager of each branch today; of several the one who was assigned last.
with ranked as (
    select
        managers.branch_id,
        managers.staff_id,
        staff.staff_name,
        row_number() over (partition by managers.branch_id order by managers.valid_from desc, managers.staff_id nulls last)
            as manager_rank
    from {{ ref('dim_account_manager') }} as managers
    left join {{ ref('dim_staff') }} as staff on managers.staff_id = staff.staff_id
    where managers.is_current
)

select branch_id, staff_id as account_manager_id, staff_name as account_manager_name
from ranked
where manager_rank = 1
