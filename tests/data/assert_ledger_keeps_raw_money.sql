-- Fails when the ledger, from which the reconciliation starts, differs from the delivered amounts: deals in the base
-- currency, added up directly from staging, from the header or otherwise from lines.
{{ config(meta={'dagster': {'ref': {'name': 'fct_deals'}}}) }}

with lines as (
    select deal_id, sum(amount) as amount from {{ ref('stg_deal_lines') }} group by deal_id
),

delivered as (
    select
        count(*) as deals,
        coalesce(sum({{ round_money('coalesce(deals.amount, lines.amount)') }}), 0) as amount
    from {{ ref('stg_deals') }} as deals
    left join lines on deals.deal_id = lines.deal_id
    where
        not coalesce(deals.is_deleted, false)
        and upper(coalesce(deals.currency, '{{ var("base_currency") }}')) = '{{ var("base_currency") }}'
),

kept as (
    select count(*) as deals, coalesce(sum(amount), 0) as amount
    from {{ ref('fct_deals') }}
    where currency = '{{ var("base_currency") }}'
)

select delivered.deals, kept.deals as kept_deals, delivered.amount, kept.amount as kept_amount
from delivered
cross join kept
where delivered.deals != kept.deals or delivered.amount != kept.amount
