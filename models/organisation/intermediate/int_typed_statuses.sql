-- Statuses that somebody typed, as the latest list has them.
select entity_type, entity_id, status, valid_from
from (
    {{ last_known('status_history', ['entity_type', 'entity_id', 'valid_from']) }}
) as known_statuses
where ended_on is null
