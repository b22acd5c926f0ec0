-- The join is on the deal, and fct_deals has one row per deal.
select
    events.deal_id,
    events.event_id,
    deals.branch_id,
    deals.branch_version_id,
    deals.branch_id_current,
    deals.partner_id,
    deals.rep_id,
    deals.channel_class,
    deals.channel,
    deals.customer_id,
    deals.product_id,
    deals.is_counted,
    events.event_type,
    events.recognized_on,
    {{ month_of('events.recognized_on') }} as recognized_month,
    events.amount
from {{ ref('int_revenue_events') }} as events
left join {{ ref('fct_deals') }} as deals on events.deal_id = deals.deal_id
