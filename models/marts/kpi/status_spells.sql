select
    entity_type,
    entity_id,
    basis,
    status,
    ladder_status,
    valid_from,
    valid_to,
    next_status,
    is_current,
    dwell_days
from {{ ref('int_status_spells') }}
