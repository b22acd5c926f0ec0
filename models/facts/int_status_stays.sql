{{ config(schema='intermediate') }}

-- From when to when a partner, branch or rep was with us, time after time: a contract after one that ended, or a post after the
-- day of leaving, begins the ladder anew.
-- noqa: disable=LT02,LT05
with entities as (
    select 'partner' as entity_type, partner_id as entity_id, cast(null as date) as known_on, contract_ended_on as ended_on
    from {{ ref('dim_partner') }}
    where not is_sentinel
    union all
    select 'branch' as entity_type, branch_id as entity_id, opened_on as known_on,
        least(coalesce(contract_ended_on, closed_on), coalesce(closed_on, contract_ended_on)) as ended_on
    from {{ ref('dim_branch') }}
    where not is_sentinel
    union all
    select 'rep' as entity_type, reps.rep_id as entity_id, min(posts.valid_from) as known_on, reps.left_on as ended_on
    from {{ ref('dim_rep') }} as reps
    left join {{ ref('dim_rep_assignment') }} as posts on reps.rep_id = posts.rep_id
    where not reps.is_sentinel
    group by reps.rep_id, reps.left_on
),

begun as (
    select entity_type, entity_id, started_on, started_on as contract_started_on, ended_on from {{ ref('int_contracts') }}
    union all
    select 'rep' as entity_type, rep_id as entity_id, {{ since_ever() }} as started_on, null as contract_started_on, left_on as ended_on
    from {{ ref('dim_rep') }}
    union all
    select 'rep' as entity_type, reps.rep_id as entity_id, min(posts.valid_from) as started_on, null as contract_started_on,
        {{ for_ever() }} as ended_on
    from {{ ref('dim_rep') }} as reps
    inner join {{ ref('dim_rep_assignment') }} as posts on reps.rep_id = posts.rep_id and reps.left_on <= posts.valid_from
    group by reps.rep_id
),

stays as (
    select entities.entity_type, entities.entity_id, entities.known_on, begun.started_on, begun.contract_started_on,
        coalesce(begun.ended_on, entities.ended_on, {{ for_ever() }}) as ended_on,
        row_number() over (partition by entities.entity_type, entities.entity_id order by begun.started_on) as nth,
        lead(begun.started_on) over (partition by entities.entity_type, entities.entity_id order by begun.started_on) as next_started_on
    from entities
    left join begun on entities.entity_type = begun.entity_type and entities.entity_id = begun.entity_id
)

select
    entity_type,
    entity_id,
    nth,
    contract_started_on,
    ended_on,
    -- A partner is known by its contract, the others before they have one.
    case when nth = 1 and entity_type != 'partner' then known_on else started_on end as known_on,
    -- What happens between two stays belongs to the one before.
    case when nth = 1 then {{ since_ever() }} else started_on end as counts_from,
    coalesce(next_started_on, {{ for_ever() }}) as counts_to
from stays
