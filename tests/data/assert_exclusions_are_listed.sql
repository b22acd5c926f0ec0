-- Fails when a delivered deal or amount event is neither counted nor in attribution.exclusions, or is in both: money
-- would disappear without a reason, or count as excluded although it is included.
{{ config(meta={'dagster': {'ref': {'name': 'exclusions'}}}) }}

with delivered as (
    select 'deal' as record_type, deal_id as record_id from {{ ref('stg_deals') }}
    union all
    select 'amount_event' as record_type, event_id as record_id from {{ ref('stg_deal_amount_events') }}
),

counted as (
    select 'deal' as record_type, deal_id as record_id
    from {{ ref('fct_deals') }}
    where is_counted and (amount is not null or amount_source = 'none')
    union all
    select 'amount_event' as record_type, delivered_events.event_id as record_id
    from {{ ref('stg_deal_amount_events') }} as delivered_events
    inner join {{ ref('fct_revenue') }} as revenue
        on delivered_events.deal_id = revenue.deal_id and delivered_events.event_id = revenue.event_id
    where revenue.amount is not null
),

listed as (
    select record_type, record_id, count(*) as reasons
    from {{ ref('exclusions') }}
    where record_type in ('deal', 'amount_event')
    group by record_type, record_id
)

select
    delivered.record_type,
    delivered.record_id,
    counted.record_id is not null as is_counted,
    coalesce(listed.reasons, 0) as reasons
from delivered
left join counted on delivered.record_type = counted.record_type and delivered.record_id = counted.record_id
left join listed on delivered.record_type = listed.record_type and delivered.record_id = listed.record_id
where
    (counted.record_id is null and listed.record_id is null)
    or (counted.record_id is not null and listed.record_id is not null)
