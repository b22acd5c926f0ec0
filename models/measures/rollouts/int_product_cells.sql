-- Closed deals of the last rollout_window_months by branch of today, product and industry of the customer.
with bounds as (
    select
        {{ add_months('max(month)', 1) }} as until,
        {{ add_months('max(month)', '1 - ' ~ var('rollout_window_months')) }} as since
    from {{ ref('int_months') }}
    where is_complete
),

visited as (
    select distinct deal_id
    from {{ ref('fct_activities') }}
    where activity_type = 'joint_visit' and status = 'held' and deal_id is not null
)

select
    branches.current_branch_id as branch_id,
    branches.current_partner_id as partner_id,
    deals.product_id,
    coalesce(customers.industry, 'unknown') as industry,
    count(*) as closed_deals,
    sum(case when deals.status = 'won' then 1 else 0 end) as deals_won,
    -- Renewals of one customer are one success.
    count(distinct case when deals.status = 'won' then coalesce(deals.customer_id, deals.deal_id) end) as customers_won,
    sum(case when deals.status = 'won' and visited.deal_id is not null then 1 else 0 end) as visited_wins,
    sum(case when deals.status = 'won' then deals.amount end) as won_amount
from {{ ref('fct_deals') }} as deals
cross join bounds
inner join {{ ref('dim_branch') }} as branches on deals.branch_id = branches.branch_id and not branches.is_sentinel
left join {{ ref('dim_customer') }} as customers on deals.customer_id = customers.customer_id
left join visited on deals.deal_id = visited.deal_id
where
    deals.is_counted
    and deals.product_id is not null
    and deals.status in ('won', 'lost')
    and coalesce(deals.won_on, deals.closed_on) >= bounds.since
    and coalesce(deals.won_on, deals.closed_on) < bounds.until
group by branches.current_branch_id, branches.current_partner_id, deals.product_id, coalesce(customers.industry, 'unknown')
