-- What a counted revenue event brings to both sides: the vendor's margin and the partner's commission of the deal, in the
-- proportion of the event to the deal's amount, so that a return takes them back. Null where the source does not state them.
-- Everything about margin and commission reads this model, so that no two figures divide them in different ways.
with stated as (
    select deal_id, cast(vendor_margin as double) as vendor_margin, cast(partner_commission as double) as partner_commission
    from {{ ref('int_deals') }}
    where vendor_margin is not null or partner_commission is not null
)

select
    revenue.deal_id,
    revenue.event_id,
    revenue.branch_id,
    revenue.branch_version_id,
    revenue.channel_class,
    revenue.channel,
    revenue.recognized_month as month,
    revenue.amount,
    -- The source states all three in one currency.
    {{ round_double('cast(revenue.amount as double) * stated.vendor_margin / nullif(cast(deals.amount_in_currency as double), 0)') }}
        as margin,
    {{ round_double('cast(revenue.amount as double) * stated.partner_commission / nullif(cast(deals.amount_in_currency as double), 0)') }}
        as commission
from {{ ref('fct_revenue') }} as revenue
inner join {{ ref('fct_deals') }} as deals on revenue.deal_id = deals.deal_id
left join stated on revenue.deal_id = stated.deal_id
where revenue.is_counted
