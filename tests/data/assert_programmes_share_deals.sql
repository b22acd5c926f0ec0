-- A deal that several programmes brought is divided among them: its weights add up to 1, and its parts to the recognised money and
-- margin of each event. Programmes would otherwise count one deal several times. The credit for the deal is another matter.
{{ config(meta={'dagster': {'ref': {'name': 'programme_payback'}}}) }}

with weights as (
    select deal_id, sum(weight) as weight, count(*) as programmes
    from {{ ref('int_programme_deals') }}
    group by deal_id
),

parts as (
    select deal_id, event_id, sum(amount) as amount, sum(margin) as margin
    from {{ ref('int_programme_revenue') }}
    group by deal_id, event_id
)

select
    'weights' as broken, deal_id, cast(null as {{ dbt.type_string() }}) as event_id,
    cast(weight as double) as found, cast(1 as double) as expected
from weights
where abs(weight - 1) > 0.000000001
union all
select
    'money' as broken, earnings.deal_id, earnings.event_id,
    cast(parts.amount as double) as found, cast(earnings.amount as double) as expected
from {{ ref('int_earnings') }} as earnings
inner join weights on earnings.deal_id = weights.deal_id
left join parts on earnings.deal_id = parts.deal_id and earnings.event_id = parts.event_id
where parts.amount is distinct from earnings.amount or parts.margin is distinct from earnings.margin
union all
select
    'payback' as broken, months.programme_id as deal_id, null as event_id,
    cast(months.revenue as double) as found, cast(parts.revenue as double) as expected
from (
    select programme_id, sum(revenue) as revenue from {{ ref('programme_payback') }} group by programme_id
) as months
inner join (
    select programme_id, sum(amount) as revenue from {{ ref('int_programme_revenue') }} group by programme_id
) as parts on months.programme_id = parts.programme_id
where months.revenue != parts.revenue
