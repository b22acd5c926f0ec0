-- Accepted records that are in no ledger or in no KPI, with the reason and their money.
with deals as (
    select * from {{ ref('int_deals') }}
),

delivered as (
    select * from {{ ref('stg_deals') }}
),

records_of_deals as (
    select 'amount_event' as record_type, event_id as record_id, deal_id, currency, amount_delta as amount
    from {{ ref('stg_deal_amount_events') }}
    union all
    select 'line' as record_type, line_id as record_id, deal_id, null as currency, amount
    from {{ ref('stg_deal_lines') }}
    union all
    select 'registration' as record_type, registration_id as record_id, deal_id, null as currency, null as amount
    from {{ ref('stg_deal_registrations') }}
    union all
    select 'override' as record_type, deal_id as record_id, deal_id, null as currency, null as amount
    from {{ ref('stg_attribution_overrides') }}
),

excluded as (
    select
        'deal' as record_type,
        deal_id as record_id,
        deal_id as of_deal_id,
        'DELETED' as reason,
        cast(null as string) as related_deal_id,
        currency,
        amount as amount_in_currency
    from delivered
    where is_deleted
    union all
    select
        'deal' as record_type,
        deal_id as record_id,
        deal_id as of_deal_id,
        'FX_MISSING' as reason,
        null as related_deal_id,
        currency,
        amount_in_currency
    from deals
    where is_fx_missing
    union all
    select
        'deal' as record_type,
        deals.deal_id as record_id,
        deals.deal_id as of_deal_id,
        'DUPLICATE_DEAL' as reason,
        duplicates.duplicate_of_deal_id as related_deal_id,
        deals.currency,
        deals.amount_in_currency
    from {{ ref('int_duplicate_deals') }} as duplicates
    inner join deals on duplicates.deal_id = deals.deal_id
    union all
    select
        'amount_event' as record_type,
        delivered_events.event_id as record_id,
        delivered_events.deal_id as of_deal_id,
        'FX_MISSING' as reason,
        null as related_deal_id,
        events.currency,
        events.amount_in_currency
    from {{ ref('stg_deal_amount_events') }} as delivered_events
    inner join {{ ref('int_revenue_events') }} as events
        on delivered_events.deal_id = events.deal_id and delivered_events.event_id = events.event_id
    where events.amount is null
    union all
    -- Records of deals that were never delivered, or that were deleted.
    select
        records.record_type,
        records.record_id,
        records.deal_id as of_deal_id,
        case when delivered.deal_id is null then 'DEAL_UNKNOWN' else 'DELETED' end as reason,
        null as related_deal_id,
        records.currency,
        records.amount as amount_in_currency
    from records_of_deals as records
    left join delivered on records.deal_id = delivered.deal_id
    left join deals on records.deal_id = deals.deal_id
    where records.deal_id is not null and deals.deal_id is null
)

select
    record_type,
    record_id,
    of_deal_id as deal_id,
    reason,
    related_deal_id,
    upper(coalesce(currency, '{{ var("base_currency") }}')) as currency,
    cast(amount_in_currency as decimal(18, 4)) as amount_in_currency
from excluded
