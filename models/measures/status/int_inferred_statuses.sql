-- Rung of the ladder for each partner, branch and rep, derived from events, with its first day. It is the highest rung
-- reached so far, dormant without new deals, and ended or left at the end. Each stay starts again. The seed
-- status_ladder defines the rungs.
with calendar as (
    select min(months.month) as first_month, max(today.as_of) as as_of
    from {{ ref('int_months') }} as months
    cross join {{ ref('int_as_of') }} as today
),

stays as (
    select * from {{ ref('int_status_stays') }}
),

entries as (
    select partner_id, branch_id, rep_id, stage as kind, entered_on
    from {{ ref('fct_stage_entries') }}
    where is_counted and stage in ('open', 'won')
),

touches as (
    select distinct partner_id, branch_id, occurred_on
    from {{ ref('fct_activities') }}
    where is_live and status = 'held'
),

rep_touches as (
    select
        touches.rep_id,
        touches.occurred_on,
        max(case
            when touches.is_attended and sessions.activity_id is not null then 4
            when touches.is_two_way_touch then 3
            else 2
        end) as step
    from {{ ref('fct_attendance') }} as touches
    left join {{ ref('fct_activities') }} as sessions
        on touches.activity_id = sessions.activity_id and sessions.activity_type = 'study_session'
    where touches.is_live_touch and touches.rep_id is not null
    group by touches.rep_id, touches.occurred_on
),

events as (
    select 'partner' as entity_type, partner_id as entity_id, kind, 0 as step, entered_on as happened_on from entries
    union all
    select 'branch' as entity_type, branch_id as entity_id, kind, 0 as step, entered_on as happened_on from entries
    union all
    select 'rep' as entity_type, rep_id as entity_id, kind, 0 as step, entered_on as happened_on from entries
    union all
    select distinct 'partner' as entity_type, partner_id as entity_id, 'touch' as kind, 2 as step, occurred_on as happened_on from touches
    union all
    select 'branch' as entity_type, branch_id as entity_id, 'touch' as kind, 2 as step, occurred_on as happened_on from touches
    union all
    select 'rep' as entity_type, rep_id as entity_id, 'touch' as kind, step, occurred_on as happened_on from rep_touches
),

-- After the start of the contract, a touch is onboarding (step 4).
of_stays as (
    select
        stays.entity_type, stays.entity_id, stays.nth, events.kind, events.happened_on,
        case when events.kind = 'touch' and stays.contract_started_on <= events.happened_on then 4 else events.step end as step
    from events
    inner join stays
        on
            events.entity_type = stays.entity_type and events.entity_id = stays.entity_id
            and {{ is_within('events.happened_on', 'stays.counts_from', 'stays.counts_to') }}
),

opened as (
    select distinct entity_type, entity_id, nth, happened_on from of_stays where kind = 'open'
),

wins as (
    select
        entity_type, entity_id, nth, happened_on,
        row_number() over (partition by entity_type, entity_id, nth order by happened_on) as win
    from of_stays
    where kind = 'won'
),

-- Events before the data began are not known.
happened as (
    select
        stays.entity_type, stays.entity_id, stays.nth,
        greatest(coalesce(stays.known_on, calendar.first_month), calendar.first_month) as happened_on, 1 as step
    from stays cross join calendar
    union all
    select entity_type, entity_id, nth, contract_started_on as happened_on, 3 as step from stays where contract_started_on is not null
    union all
    select entity_type, entity_id, nth, min(happened_on) as happened_on, step from of_stays where kind = 'touch'
    group by entity_type, entity_id, nth, step
    union all
    select entity_type, entity_id, nth, min(happened_on) as happened_on, 5 as step from opened group by entity_type, entity_id, nth
    union all
    select entity_type, entity_id, nth, happened_on, 5 + win as step from wins where win <= 2
),

waits as (
    select
        entity_type, entity_id, nth, {{ add_months('happened_on', var('active_window_months')) }} as asleep_on,
        lead(happened_on) over (partition by entity_type, entity_id, nth order by happened_on) as next_on
    from opened
),

changes as (
    select entity_type, entity_id, nth, happened_on as valid_from, max(step) as step, 0 as falls_asleep, 0 as ends
    from happened
    group by entity_type, entity_id, nth, happened_on
    union all
    select entity_type, entity_id, nth, asleep_on as valid_from, 0 as step, 1 as falls_asleep, 0 as ends
    from waits where coalesce(next_on, {{ for_ever() }}) > asleep_on
    union all
    select entity_type, entity_id, nth, next_on as valid_from, 0 as step, -1 as falls_asleep, 0 as ends
    from waits where next_on > asleep_on
    union all
    select entity_type, entity_id, nth, ended_on as valid_from, 0 as step, 0 as falls_asleep, 1 as ends
    from stays where ended_on < {{ for_ever() }}
),

stood as (
    select
        stays.entity_type,
        stays.entity_id,
        greatest(changes.valid_from, calendar.first_month) as valid_from,
        case
            when max(changes.ends) over so_far = 1 then 9
            when sum(changes.falls_asleep) over so_far > 0 then 8
            else max(changes.step) over so_far
        end as step
    from changes
    inner join stays on changes.entity_type = stays.entity_type and changes.entity_id = stays.entity_id and changes.nth = stays.nth
    cross join calendar
    where changes.valid_from <= calendar.as_of and changes.valid_from < stays.counts_to and calendar.first_month < stays.counts_to
    window so_far as (partition by stays.entity_type, stays.entity_id, stays.nth order by changes.valid_from)
),

-- All changes of one day count together.
steps as (
    select
        entity_type, entity_id, valid_from, max(step) as step,
        lag(max(step)) over (partition by entity_type, entity_id order by valid_from) as step_before
    from stood
    group by entity_type, entity_id, valid_from
)

select steps.entity_type, steps.entity_id, ladder.status, steps.valid_from
from steps
inner join {{ ref('status_ladder') }} as ladder on steps.entity_type = ladder.entity_type and steps.step = ladder.step
where steps.step is distinct from steps.step_before
