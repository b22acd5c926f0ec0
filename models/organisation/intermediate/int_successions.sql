-- Successions of branches according to the latest list.
select from_branch_id, to_branch_id, effective_on, kind, weight, extracted_on
from (
    {{ last_known('branch_successions', ['from_branch_id', 'to_branch_id', 'effective_on']) }}
) as known_successions
where unlisted_on is null
