-- Fails when seeds/attribution_ladder.csv is not a valid ladder: a rung with two orders or an order with two rungs, an
-- unknown evidence code or mode, a rung that resolves without an order, a suggestion that resolves, a person's decision
-- on another rung than L0, or one of the rungs L11 to L13 of the special members missing.
{{ config(meta={'dagster': {'ref': {'name': 'attribution_ladder'}}}) }}

with ladder as (
    select * from {{ ref('attribution_ladder') }}
),

orders as (
    select rung, count(distinct rung_order) as orders, min(rung_order) as rung_order
    from ladder
    where rung is not null
    group by rung
)

select 'a rung needs exactly one order' as problem, rung as value from orders where orders != 1
union all
select 'two rungs share an order' as problem, max(rung) as value from orders group by rung_order having count(*) > 1
union all
select 'unknown mode' as problem, mode as value from ladder
where mode not in ('resolve', 'candidate', 'off', 'sentinel')
union all
select 'unknown evidence code' as problem, evidence_code as value from ladder
where
    evidence_code not in (
        {% for code in evidence_codes().values() %}'{{ code }}'{{ ', ' if not loop.last }}{% endfor %}
    )
union all
select 'evidence that resolves needs a rung' as problem, evidence_code as value from ladder
where mode = 'resolve' and (rung is null or rung_order is null)
union all
select 'evidence that may only suggest must not resolve' as problem, evidence_code as value from ladder
where
    mode = 'resolve'
    and evidence_code in (
        {{ evidence('activity') }}, {{ evidence('earlier_win') }}, {{ evidence('territory') }}, {{ evidence('account_manager') }},
        {{ evidence('similar_name') }}
    )
union all
select 'the decision of a person stands on another rung than the rules expect' as problem, rung as value from ladder
where evidence_code = {{ evidence('person') }} and rung != {{ rung_of_a_person() }}
union all
select 'sentinel rung is missing' as problem, wanted.rung as value
from (
    select {{ rung_of_member("'UNKNOWN:'") }} as rung
    union all
    select {{ rung_of_member("'UNRESOLVED'") }} as rung
    union all
    select {{ rung_of_member("'DIRECT'") }} as rung
) as wanted
left join ladder on wanted.rung = ladder.rung and ladder.mode = 'sentinel'
where ladder.rung is null
