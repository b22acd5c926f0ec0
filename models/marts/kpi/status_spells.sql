-- How long partners, branches and reps stood in each status that somebody typed, and what followed.
with known as (
    {{ last_known('status_history', ['entity_type', 'entity_id', 'valid_from']) }}
),

spells as (
    select
        entity_type,
        entity_id,
        status,
        valid_from,
        lead(status) over entity as next_status,
        lead(valid_from) over entity as valid_to
    from known
    where ended_on is null
    window entity as (partition by entity_type, entity_id order by valid_from)
)

select
    spells.entity_type,
    spells.entity_id,
    spells.status,
    spells.valid_from,
    spells.valid_to,
    spells.next_status,
    spells.valid_to is null as is_current,
    cast({{ dbt.datediff('spells.valid_from', 'spells.until', 'day') }} as bigint) as dwell_days -- noqa: LT05
from (
    select spells.*, coalesce(spells.valid_to, today.as_of) as until
    from spells
    cross join {{ ref('int_as_of') }} as today
) as spells
