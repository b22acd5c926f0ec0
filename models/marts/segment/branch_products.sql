-- What a branch sells and how, for its sister branches: counts only, no customers. Rates with few deals are left out.
with sold as (
    select
        branch_id, partner_id, product_id, sum(closed_deals) as closed_deals, sum(deals_won) as deals_won,
        sum(visited_wins) as visited_wins, sum(won_amount) as won_amount
    from {{ ref('int_product_cells') }}
    group by branch_id, partner_id, product_id
),

cycles as (
    select
        branches.current_branch_id as branch_id, deals.product_id, {{ median('milestones.cycle_days') }} as cycle_days,
        count(*) as wins
    from {{ ref('int_deal_milestones') }} as milestones
    inner join {{ ref('fct_deals') }} as deals on milestones.deal_id = deals.deal_id
    inner join {{ ref('dim_branch') }} as branches on milestones.branch_id = branches.branch_id
    where
        milestones.cycle_days is not null
        and deals.product_id is not null
        and milestones.won_on > (select {{ add_months('max(month)', -var('rollout_window_months')) }} from {{ ref('int_months') }})
    group by branches.current_branch_id, deals.product_id
),

told as (
    select branch_id_current as branch_id, product_id, count(*) as shareable_cases, max(case_id) as case_id
    from {{ ref('int_cases') }}
    where kind = 'success' and is_shareable
    group by branch_id_current, product_id
)

select
    sold.branch_id,
    branches.branch_name,
    sold.partner_id,
    sold.product_id,
    products.product_name,
    cast(sold.closed_deals as bigint) as closed_deals,
    cast(sold.deals_won as bigint) as branch_deals_won,
    {{ round_money('coalesce(sold.won_amount, 0)') }} as branch_won_amount,
    {{ rate('sold.deals_won', 'sold.closed_deals', var('n_min')) }} as product_win_rate,
    {{ rate('sold.visited_wins', 'sold.deals_won', var('n_min')) }} as visited_share,
    case when cycles.wins >= {{ var('n_min') }} then cast(cycles.cycle_days as double) end as product_cycle_days,
    coalesce(told.shareable_cases, 0) as shareable_cases,
    told.case_id
from sold
inner join {{ ref('dim_branch') }} as branches on sold.branch_id = branches.branch_id
left join {{ ref('dim_product') }} as products on sold.product_id = products.product_id
left join cycles on sold.branch_id = cycles.branch_id and sold.product_id = cycles.product_id
left join told on sold.branch_id = told.branch_id and sold.product_id = told.product_id
