-- Reps with a live touch in a month, at their branch of that day.
select distinct rep_id, branch_id, branch_version_id, occurred_month as month
from {{ ref('fct_attendance') }}
where is_live_touch and rep_id is not null and branch_id is not null
