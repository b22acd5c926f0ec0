-- Time of partners, branches and reps in each status, and the status that followed: as typed by a person, and as
-- derived from events.
with statuses as (
    select 'typed' as basis, entity_type, entity_id, status, valid_from
    from {{ ref('int_typed_statuses') }}
    union all
    select 'inferred' as basis, entity_type, entity_id, status, valid_from
    from {{ ref('int_inferred_statuses') }}
),

-- Typing a status again does not start a new spell.
changes as (
    select *, lag(status) over (partition by basis, entity_type, entity_id order by valid_from) as status_before
    from statuses
),

spells as (
    select
        *,
        lead(status) over (partition by basis, entity_type, entity_id order by valid_from) as next_status,
        lead(valid_from) over (partition by basis, entity_type, entity_id order by valid_from) as valid_to
    from changes
    where status is distinct from status_before
)

select
    spells.entity_type,
    spells.entity_id,
    spells.basis,
    spells.status,
    ladder.status as ladder_status,
    spells.valid_from,
    spells.valid_to,
    spells.next_status,
    spells.valid_to is null as is_current,
    cast({{ days_between('spells.valid_from', 'coalesce(spells.valid_to, today.as_of)') }} as bigint) as dwell_days
from spells
cross join {{ ref('int_as_of') }} as today
left join {{ ref('status_ladder') }} as ladder
    on
        spells.entity_type = ladder.entity_type
        and lower(trim(spells.status)) in (ladder.status, lower(ladder.label), ladder.label_ja)
