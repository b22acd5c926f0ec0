-- Targets in force. A target that the latest list omits was dropped.
select metric, scope, coalesce(scope_id, 'ALL') as entity_id, baseline, baseline_on, target, period_start, deadline
from (
    {{ last_known('targets', ['metric', 'scope', 'scope_id', 'period_start', 'deadline']) }}
) as known_targets
where unlisted_on is null
