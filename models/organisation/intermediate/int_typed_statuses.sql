-- Statuses that a person typed, according to the latest list.
select entity_type, entity_id, status, valid_from
from (
    {{ last_known('status_history', ['entity_type', 'entity_id', 'valid_from']) }}
) as known_statuses
where unlisted_on is null
