-- Status of each partner, branch and rep today, as derived from events and as typed by a person. Two flags show whether
-- they differ, and whether the entity has had the derived status for clearly longer than others.
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

typed as (
    select * from spells where basis = 'typed'
),

-- Spells of the rungs. Of a spell that ended, the length is known only if it began within the data. A spell that still
-- lasts has lasted at least until today.
stays as (
    select
        entity_type,
        entity_id,
        status,
        is_current,
        dwell_days,
        case when next_status not in ('dormant', 'ended', 'left') then dwell_days end as days_to_next,
        percent_rank() over (partition by entity_type, status order by dwell_days) as share_shorter
    from {{ ref('int_status_spells') }}
    where basis = 'inferred' and (is_current or valid_from > (select min(month) from {{ ref('int_months') }}))
),

usual as (
    select entity_type, status, {{ median('days_to_next') }} as usual_days
    from stays
    group by entity_type, status
    having count(days_to_next) >= {{ var('n_min') }}
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
    stays.share_shorter,
    -- An entity with repeated wins, or one that left, is at the end of the ladder and cannot be stuck. The share
    -- distinguishes entities of a rung on which nearly all stay longer than the few that went on.
    coalesce(
        inferred.status not in ('repeat', 'ended', 'left')
        and inferred.dwell_days > usual.usual_days * {{ var('stuck_factor') }}
        and stays.share_shorter >= {{ var('stuck_share') }},
        false
    ) as is_stuck,
    typed.status as typed_status,
    typed.valid_from as typed_since,
    -- A typed status that is on no ladder cannot be compared.
    case when typed.ladder_status is not null then typed.ladder_status != inferred.status end as is_different,
    case when typed.standing > inferred.standing then 'ahead' when typed.standing < inferred.standing then 'behind' end
        as difference
from spells as inferred
inner join stays
    on inferred.entity_type = stays.entity_type and inferred.entity_id = stays.entity_id and stays.is_current
left join typed on inferred.entity_type = typed.entity_type and inferred.entity_id = typed.entity_id
left join usual on inferred.entity_type = usual.entity_type and inferred.status = usual.status
where inferred.basis = 'inferred'
