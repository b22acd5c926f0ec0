-- Heads of branches by interval. A change of the head is known from the roster.
select branch_id, rep_id, min(valid_from) as valid_from, max(valid_to) as valid_to
from {{ ref('dim_rep_assignment') }}
where role = 'branch_head'
group by branch_id, rep_id
