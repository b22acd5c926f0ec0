-- Stays of partners, branches and reps: from when to when they belonged to the network. A contract after one that
-- ended, or an assignment after a day of leaving, starts the ladder again.
with entities as (
    select 'partner' as entity_type, partner_id as entity_id, cast(null as date) as known_on, contract_ended_on as ended_on
    from {{ ref('dim_partner') }}
    where not is_sentinel
    union all
    select
        'branch' as entity_type, branch_id as entity_id, opened_on as known_on,
        {{ earliest(['contract_ended_on', 'closed_on']) }} as ended_on
    from {{ ref('dim_branch') }}
    where not is_sentinel
    union all
    select 'rep' as entity_type, reps.rep_id as entity_id, min(assignments.valid_from) as known_on, null as ended_on
    from {{ ref('dim_rep') }} as reps
    left join {{ ref('dim_rep_assignment') }} as assignments on reps.rep_id = assignments.rep_id
    where not reps.is_sentinel
    group by reps.rep_id
),

-- Later extracts no longer contain the day of leaving of a rep who is back. Such a day still counts if the rep had no
-- assignment on that day and has a later one. Otherwise the later extract corrected it.
departures as (
    select
        reported.rep_id,
        reported.left_on,
        min(case when assignments.valid_from >= reported.left_on then assignments.valid_from end) as returned_on
    from (select distinct rep_id, left_on from {{ ref('stg_reps') }} where left_on is not null) as reported
    inner join {{ ref('dim_rep') }} as reps on reported.rep_id = reps.rep_id
    left join {{ ref('dim_rep_assignment') }} as assignments on reported.rep_id = assignments.rep_id
    group by reported.rep_id, reported.left_on, reps.left_on
    having
        reported.left_on = reps.left_on
        or (
            max(assignments.valid_from) >= reported.left_on
            and max(
                case when {{ is_within('reported.left_on', 'assignments.valid_from', 'assignments.valid_to') }} then 1 else 0 end
            ) = 0
        )
),

arrivals as (
    select rep_id, {{ since_ever() }} as started_on from {{ ref('dim_rep') }}
    union
    select rep_id, returned_on as started_on from departures where returned_on is not null
),

begun as (
    select entity_type, entity_id, started_on, started_on as contract_started_on, ended_on from {{ ref('int_contracts') }}
    union all
    select
        'rep' as entity_type, arrivals.rep_id as entity_id, arrivals.started_on, null as contract_started_on,
        min(departures.left_on) as ended_on
    from arrivals
    left join departures on arrivals.rep_id = departures.rep_id and arrivals.started_on < departures.left_on
    group by arrivals.rep_id, arrivals.started_on
),

stays as (
    select
        entities.entity_type, entities.entity_id, entities.known_on, begun.started_on, begun.contract_started_on,
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
    -- A partner is known from its contract on. A branch or a rep is known from its opening or its first assignment.
    case when nth = 1 and entity_type != 'partner' then known_on else started_on end as known_on,
    -- Events between two stays belong to the earlier stay.
    case when nth = 1 then {{ since_ever() }} else started_on end as counts_from,
    coalesce(next_started_on, {{ for_ever() }}) as counts_to
from stays
