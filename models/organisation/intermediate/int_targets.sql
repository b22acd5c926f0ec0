-- Targets in force: one that the latest list leaves out was given up.
select metric, scope, coalesce(scope_id, 'ALL') as entity_id, baseline, baseline_on, target, deadline
from (
    {{ last_known('targets', ['metric', 'scope', 'scope_id', 'deadline']) }}
) as known_targets
where ended_on is null
