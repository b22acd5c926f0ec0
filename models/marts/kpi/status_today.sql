-- Where each partner, branch and rep stands today, by what happened and as somebody typed it; whether the two differ, and whether
-- it has stood there for much longer than is usual.
with inferred as (
    select * from {{ ref('status_spells') }} where basis = 'inferred' and is_current
),

typed as (
    select * from {{ ref('status_spells') }} where basis = 'typed' and is_current
),

-- How long those took that went on.
usual as (
    select entity_type, status, count(*) as spells, {{ median('dwell_days') }} as usual_days
    from {{ ref('status_spells') }}
    where basis = 'inferred' and not is_current
    group by entity_type, status
)

select
    inferred.entity_type,
    inferred.entity_id,
    inferred.status,
    ladder.label,
    ladder.label_ja,
    inferred.valid_from as since,
    inferred.dwell_days,
    cast(case when usual.spells >= {{ var('n_min') }} then usual.usual_days end as double) as usual_days,
    -- Who sells again and again, or has left, is where it should be.
    coalesce(
        ladder.status not in ('repeat', 'ended', 'left')
        and usual.spells >= {{ var('n_min') }}
        and inferred.dwell_days > usual.usual_days * {{ var('stuck_factor') }},
        false
    ) as is_stuck,
    typed.status as typed_status,
    typed.valid_from as typed_since,
    -- A word that is on no ladder cannot be compared.
    case when typed.ladder_status is not null then typed.ladder_status != inferred.status end as is_different
from inferred
inner join {{ ref('status_ladder') }} as ladder
    on inferred.entity_type = ladder.entity_type and inferred.status = ladder.status
left join typed on inferred.entity_type = typed.entity_type and inferred.entity_id = typed.entity_id
left join usual on inferred.entity_type = usual.entity_type and inferred.status = usual.status
