-- Status of each partner, branch and rep today, as derived from events and as typed by a person. Two flags show whether
-- they differ, and whether the entity has had the derived status for much longer than usual.
with spells as (
    select
        spells.*,
        ladder.label,
        ladder.label_ja,
        -- Dormant is below every rung that an active entity can have, and ended or left is below dormant.
        case when ladder.status in ('ended', 'left') then -1 when ladder.status = 'dormant' then 0 else ladder.step end
            as standing
    from {{ ref('int_status_spells') }} as spells
    left join {{ ref('status_ladder') }} as ladder
        on spells.entity_type = ladder.entity_type and spells.ladder_status = ladder.status
    where spells.is_current
),

inferred as (
    select * from spells where basis = 'inferred'
),

typed as (
    select * from spells where basis = 'typed'
),

-- Typical time to the next rung. Entities that are still on the rung, became dormant or ended count as the longest.
-- Spells that began before the data are left out.
spans as (
    select
        entity_type,
        status,
        case when is_current or next_status in ('dormant', 'ended', 'left') then {{ not_yet() }} else dwell_days end as days
    from {{ ref('int_status_spells') }}
    where basis = 'inferred' and valid_from > (select min(month) from {{ ref('int_months') }})
),

-- Where fewer than half went on, the median has not been reached.
usual as (
    select entity_type, status, {{ median('days') }} as usual_days
    from spans
    group by entity_type, status
    having count(*) >= {{ var('n_min') }} and 2 * {{ median('days') }} < {{ not_yet() }}
)

select
    inferred.entity_type,
    inferred.entity_id,
    inferred.status,
    inferred.label,
    inferred.label_ja,
    inferred.valid_from as since,
    inferred.dwell_days,
    cast(usual.usual_days as double) as usual_days,
    -- An entity with repeated wins, or one that left, is at the end of the ladder and cannot be stuck.
    coalesce(
        inferred.status not in ('repeat', 'ended', 'left')
        and inferred.dwell_days > usual.usual_days * {{ var('stuck_factor') }},
        false
    ) as is_stuck,
    typed.status as typed_status,
    typed.valid_from as typed_since,
    -- A typed status that is on no ladder cannot be compared.
    case when typed.ladder_status is not null then typed.ladder_status != inferred.status end as is_different,
    case when typed.standing > inferred.standing then 'ahead' when typed.standing < inferred.standing then 'behind' end
        as difference
from inferred
left join typed on inferred.entity_type = typed.entity_type and inferred.entity_id = typed.entity_id
left join usual on inferred.entity_type = usual.entity_type and inferred.status = usual.status
