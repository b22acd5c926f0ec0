-- Fails when the parts of an event on today's branches do not add up to the event: as was and as is would differ.
{{ config(meta={'dagster': {'ref': {'name': 'current_credit'}}}) }}

with parts as (
    select deal_id, event_id, sum(amount) as amount, count(*) as part_count
    from {{ ref('current_credit') }}
    group by deal_id, event_id
)

select revenue.deal_id, revenue.event_id, revenue.amount, parts.amount as parts_amount
from {{ ref('fct_revenue') }} as revenue
left join parts on revenue.deal_id = parts.deal_id and revenue.event_id = parts.event_id
where parts.part_count is null or parts.amount is distinct from revenue.amount
