-- Fails when the flows of a month do not lead from the number at its start to the number at its end, when a month does
-- not start where the month before ended, when the monthly marts have another number of salespeople at the end, or when
-- the names of a month of the last year are not as many as its counts.
{{ config(meta={'dagster': {'ref': {'name': 'rep_flows'}}}) }}

with flows as (
    select * from {{ ref('rep_flows') }}
),

ends as (
    select scope, entity_id, member_type, status, {{ add_months('month', 1) }} as month, members_end as members_before
    from flows
),

-- Members without a row have nobody. The first month of a status has no month before it.
starts as (
    select
        coalesce(flows.scope, ends.scope) as scope,
        coalesce(flows.entity_id, ends.entity_id) as entity_id,
        coalesce(flows.status, ends.status) as status,
        coalesce(flows.month, ends.month) as month,
        coalesce(flows.members_start, 0) as members_start,
        coalesce(ends.members_before, 0) as members_before
    from flows
    full outer join ends
        on
            flows.scope = ends.scope and flows.entity_id = ends.entity_id and flows.member_type = ends.member_type
            and flows.status = ends.status and flows.month = ends.month
),

calendar as (
    select status, min(month) as first_month, max(month) as last_month from flows group by status
),

published as (
    select scopes.scope, scopes.entity_id, months.month, months.reps_contactable, months.reps_active, months.reps_producing_t12m
    from {{ ref('int_monthly_people') }} as months
    inner join {{ ref('int_scopes') }} as scopes
        on months.scope_key = scopes.scope_key and scopes.organisation = 'as_is' and not scopes.is_special
),

counted as (
    select scope, entity_id, month, 'contactable' as status, reps_contactable as members from published
    union all
    select scope, entity_id, month, 'active' as status, reps_active as members from published
    union all
    select scope, entity_id, month, 'producing' as status, reps_producing_t12m as members from published
),

named as (
    select
        scope, entity_id, member_type, status, month,
        sum(case when flow = 'gained' then 1 else 0 end) as gained,
        sum(case when flow = 'returned' then 1 else 0 end) as returned,
        sum(case when flow = 'lost' then 1 else 0 end) as lost,
        sum(case when is_lapsed then 1 else 0 end) as lapsed
    from {{ ref('rep_flow_people') }}
    group by scope, entity_id, member_type, status, month
)

select 'a month does not add up' as problem, scope, entity_id, status, month, members_start as found, members_end as wanted
from flows
where members_start + gained + returned - lost != members_end or members_start != kept + lost
union all
select
    'a month does not start where the last one ended', starts.scope, starts.entity_id, starts.status, starts.month,
    starts.members_start, starts.members_before
from starts
inner join calendar on starts.status = calendar.status
where
    starts.members_start != starts.members_before
    and starts.month > calendar.first_month and starts.month <= calendar.last_month
union all
select
    'the monthly marts have another number', counted.scope, counted.entity_id, counted.status, counted.month,
    coalesce(flows.members_end, 0), counted.members
from counted
inner join calendar on counted.status = calendar.status
left join flows
    on
        counted.scope = flows.scope and counted.entity_id = flows.entity_id and counted.status = flows.status
        and counted.month = flows.month and flows.member_type = 'rep'
where counted.month >= calendar.first_month and coalesce(flows.members_end, 0) != counted.members
union all
select
    'names and counts differ', flows.scope, flows.entity_id, flows.status, flows.month,
    coalesce(named.gained + named.returned + named.lost, 0), flows.gained + flows.returned + flows.lost
from flows
left join named
    on
        flows.scope = named.scope and flows.entity_id = named.entity_id and flows.member_type = named.member_type
        and flows.status = named.status and flows.month = named.month
where
    flows.month >= {{ add_months('(select max(months.month) from flows as months)', -12) }}
    and (
        coalesce(named.gained, 0) != flows.gained or coalesce(named.returned, 0) != flows.returned
        or coalesce(named.lost, 0) != flows.lost or coalesce(named.lapsed, 0) != flows.lapsed
    )
