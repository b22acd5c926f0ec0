-- Wins of the last twelve months at a known branch, without a salesperson: a list to fill in and send back.
select
    deals.deal_id,
    attribution.evidence_hash,
    deals.deal_name,
    customers.customer_name,
    deals.partner_id,
    partners.partner_name,
    deals.branch_id,
    branches.branch_name,
    deals.product_id,
    products.product_name,
    deals.credit_on,
    deals.won_on,
    deals.amount
from {{ ref('fct_deals') }} as deals
inner join {{ ref('deal_attribution') }} as attribution on deals.deal_id = attribution.deal_id
inner join {{ ref('dim_branch') }} as branches on deals.branch_id = branches.branch_id and not branches.is_sentinel
cross join {{ ref('int_as_of') }} as today
left join {{ ref('dim_partner') }} as partners on deals.partner_id = partners.partner_id
left join {{ ref('dim_customer') }} as customers on deals.customer_id = customers.customer_id
left join {{ ref('dim_product') }} as products on deals.product_id = products.product_id
where deals.is_counted and deals.rep_id = 'NONE' and deals.won_on > {{ add_months('today.as_of', -12) }}
