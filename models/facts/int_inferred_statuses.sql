{{ config(schema='intermediate') }}

-- On which rung of its ladder a partner, branch or rep stands since when, by what happened: the highest that it has reached,
-- asleep while no new deal comes, and at the end ended. Rungs are those of the seed status_ladder.
-- noqa: disable=LT02,LT05
{% set scopes = {'partner': 'partner_id', 'branch': 'branch_id', 'rep': 'rep_id'} -%}

with calendar as (
    select min(months.month) as first_month, max(today.as_of) as as_of
    from {{ ref('int_months') }} as months
    cross join {{ ref('int_as_of') }} as today
),

entities as (
    select 'partner' as entity_type, partner_id as entity_id, contract_started_on as known_on, contract_started_on,
        contract_ended_on as ended_on
    from {{ ref('dim_partner') }}
    where not is_sentinel
    union all
    select 'branch' as entity_type, branch_id as entity_id, opened_on as known_on, contract_started_on,
        least(coalesce(contract_ended_on, closed_on), coalesce(closed_on, contract_ended_on)) as ended_on
    from {{ ref('dim_branch') }}
    where not is_sentinel
    union all
    select 'rep' as entity_type, reps.rep_id as entity_id, posts.known_on, null as contract_started_on, reps.left_on as ended_on
    from {{ ref('dim_rep') }} as reps
    left join (select rep_id, min(valid_from) as known_on from {{ ref('dim_rep_assignment') }} group by rep_id) as posts
        on reps.rep_id = posts.rep_id
    where not reps.is_sentinel
),

opened as (
    {% for entity_type, entity_id in scopes.items() -%}
    select distinct '{{ entity_type }}' as entity_type, {{ entity_id }} as entity_id, entered_on
    from {{ ref('fct_stage_entries') }}
    where is_counted and stage = 'open'
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

wins as (
    {% for entity_type, entity_id in scopes.items() -%}
    select '{{ entity_type }}' as entity_type, {{ entity_id }} as entity_id, entered_on,
        row_number() over (partition by {{ entity_id }} order by entered_on) as nth
    from {{ ref('fct_stage_entries') }}
    where is_counted and stage = 'won'
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- With a contract, a touch is help to get started.
touches as (
    {% for entity_type, entity_id in scopes.items() if entity_type != 'rep' -%}
    select '{{ entity_type }}' as entity_type, activities.{{ entity_id }} as entity_id,
        case when entities.contract_started_on <= activities.occurred_on then 4 else 2 end as step,
        min(activities.occurred_on) as happened_on
    from {{ ref('fct_activities') }} as activities
    inner join entities on entities.entity_type = '{{ entity_type }}' and activities.{{ entity_id }} = entities.entity_id
    where activities.is_live and activities.status = 'held'
    group by activities.{{ entity_id }}, case when entities.contract_started_on <= activities.occurred_on then 4 else 2 end
    union all
    {% endfor -%}
    select 'rep' as entity_type, rep_id as entity_id, step, min(occurred_on) as happened_on
    from (
        select touches.rep_id, touches.occurred_on,
            case
                when touches.is_attended and sessions.activity_id is not null then 4
                when touches.is_two_way_touch then 3
                else 2
            end as step
        from {{ ref('fct_attendance') }} as touches
        left join {{ ref('fct_activities') }} as sessions
            on touches.activity_id = sessions.activity_id and sessions.activity_type = 'study_session'
        where touches.is_live_touch and touches.rep_id is not null
    ) as of_reps
    group by rep_id, step
),

-- What happened before anybody looked is not known to have happened then.
happened as (
    select entities.entity_type, entities.entity_id,
        greatest(coalesce(entities.known_on, calendar.first_month), calendar.first_month) as happened_on, 1 as step
    from entities cross join calendar
    union all
    select entity_type, entity_id, contract_started_on as happened_on, 3 as step from entities where contract_started_on is not null
    union all
    select entity_type, entity_id, happened_on, step from touches
    union all
    select entity_type, entity_id, min(entered_on) as happened_on, 5 as step from opened group by entity_type, entity_id
    union all
    select entity_type, entity_id, entered_on as happened_on, 5 + nth as step from wins where nth <= 2
),

waits as (
    select entity_type, entity_id, {{ add_months('entered_on', var('active_window_months')) }} as asleep_on,
        lead(entered_on) over (partition by entity_type, entity_id order by entered_on) as next_on
    from opened
),

changes as (
    select entity_type, entity_id, happened_on as valid_from, max(step) as step, 0 as falls_asleep, 0 as ends
    from happened
    group by entity_type, entity_id, happened_on
    union all
    select entity_type, entity_id, asleep_on as valid_from, 0 as step, 1 as falls_asleep, 0 as ends
    from waits where coalesce(next_on, {{ for_ever() }}) > asleep_on
    union all
    select entity_type, entity_id, next_on as valid_from, 0 as step, -1 as falls_asleep, 0 as ends
    from waits where next_on > asleep_on
    union all
    select entity_type, entity_id, ended_on as valid_from, 0 as step, 0 as falls_asleep, 1 as ends from entities where ended_on is not null
),

stood as (
    select
        entities.entity_type,
        entities.entity_id,
        greatest(changes.valid_from, calendar.first_month) as valid_from,
        case
            when max(changes.ends) over so_far = 1 then 9
            when sum(changes.falls_asleep) over so_far > 0 then 8
            else max(changes.step) over so_far
        end as step
    from changes
    inner join entities on changes.entity_type = entities.entity_type and changes.entity_id = entities.entity_id
    cross join calendar
    where changes.valid_from <= calendar.as_of
    window so_far as (partition by entities.entity_type, entities.entity_id order by changes.valid_from)
),

-- All that changed on one day counts together.
steps as (
    select entity_type, entity_id, valid_from, max(step) as step,
        lag(max(step)) over (partition by entity_type, entity_id order by valid_from) as step_before
    from stood
    group by entity_type, entity_id, valid_from
)

select steps.entity_type, steps.entity_id, ladder.status, steps.valid_from
from steps
inner join {{ ref('status_ladder') }} as ladder on steps.entity_type = ladder.entity_type and steps.step = ladder.step
where steps.step is distinct from steps.step_before
