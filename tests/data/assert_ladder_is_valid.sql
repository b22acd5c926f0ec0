-- Fails when seeds/attribution_ladder.csv is not a valid ladder: a rung with two orders or an order with two rungs, an
-- unknown evidence code or mode, a rung that resolves without an order, a suggestion that resolves, or one of the rungs
-- L11 to L13 of the special members missing.
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
        'E01', 'E02', 'E03', 'E04', 'E05', 'E06', 'E07', 'E08', 'E09', 'E10', 'E11', 'E12', 'E13', 'E14', 'E15', 'E16', 'E17'
    )
union all
select 'evidence that resolves needs a rung' as problem, evidence_code as value from ladder
where mode = 'resolve' and (rung is null or rung_order is null)
union all
select 'evidence that may only suggest must not resolve' as problem, evidence_code as value from ladder
where mode = 'resolve' and evidence_code in ('E12', 'E13', 'E14', 'E15', 'E17')
union all
select 'sentinel rung is missing' as problem, wanted.rung as value
from (
    select 'L11' as rung
    union all
    select 'L12' as rung
    union all
    select 'L13' as rung
) as wanted
left join ladder on wanted.rung = ladder.rung and ladder.mode = 'sentinel'
where ladder.rung is null
