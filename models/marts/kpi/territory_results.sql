-- What each branch of today won in the last twelve complete months from customers of each prefecture, next to what all have won
-- there. A branch has a row for each prefecture of its territory, and for each other one in which it won.
with bounds as (
    select max(month) as last_month from {{ ref('int_months') }} where is_complete
),

won as (
    select
        branches.current_branch_id as branch_id,
        coalesce(customers.prefecture, 'unknown') as prefecture,
        won.channel_class,
        won.is_won,
        deals.customer_id,
        won.amount
    from {{ ref('int_won_months') }} as won
    inner join {{ ref('fct_deals') }} as deals on won.deal_id = deals.deal_id
    inner join {{ ref('dim_branch') }} as branches on won.branch_id = branches.branch_id
    left join {{ ref('dim_customer') }} as customers on deals.customer_id = customers.customer_id
    cross join bounds
    where won.month <= bounds.last_month and won.month > {{ add_months('bounds.last_month', -12) }}
),

of_branches as (
    select
        branch_id, prefecture,
        sum(case when is_won then 1 else 0 end) as deals_won,
        count(distinct case when is_won then customer_id end) as customers_won,
        coalesce(sum(amount), 0) as won_amount
    from won
    where channel_class = 'indirect'
    group by branch_id, prefecture
),

of_all as (
    select prefecture, coalesce(sum(amount), 0) as won_amount from won group by prefecture
),

customers as (
    select coalesce(prefecture, 'unknown') as prefecture, count(*) as customers
    from {{ ref('dim_customer') }}
    group by coalesce(prefecture, 'unknown')
),

places as (
    select territories.branch_id, territories.prefecture, min(territories.basis) as basis
    from {{ ref('int_territories') }} as territories
    inner join {{ ref('dim_branch') }} as branches on territories.branch_id = branches.branch_id and not branches.is_sentinel
    cross join {{ ref('int_as_of') }} as today
    where
        {{ is_within('today.as_of', 'territories.valid_from', 'territories.valid_to') }}
        and coalesce(branches.closed_on, {{ for_ever() }}) > today.as_of
    group by territories.branch_id, territories.prefecture
),

pairs as (
    select branch_id, prefecture from places
    union
    select branch_id, prefecture from of_branches
)

select
    pairs.branch_id,
    branches.current_division_id as division_id,
    branches.current_partner_id as partner_id,
    pairs.prefecture,
    bounds.last_month,
    places.branch_id is not null as is_own_territory,
    places.basis as territory_basis,
    coalesce(customers.customers, 0) as customers,
    coalesce(of_branches.customers_won, 0) as customers_won,
    cast(coalesce(of_branches.deals_won, 0) as bigint) as branch_deals_won,
    cast(coalesce(of_branches.won_amount, 0) as {{ money_type() }}) as branch_won_amount,
    cast(coalesce(of_all.won_amount, 0) as {{ money_type() }}) as all_won_amount,
    case
        when of_all.won_amount > 0 then cast(coalesce(of_branches.won_amount, 0) as double) / cast(of_all.won_amount as double)
    end as regional_share,
    sizes.establishments,
    sizes.as_of as market_as_of,
    sizes.source as market_source,
    case
        when sizes.establishments > 0 then cast(10000 * coalesce(of_branches.customers_won, 0) as double) / sizes.establishments
    end as customers_won_per_10000
from pairs
cross join bounds
inner join {{ ref('dim_branch') }} as branches on pairs.branch_id = branches.branch_id
left join places on pairs.branch_id = places.branch_id and pairs.prefecture = places.prefecture
left join of_branches on pairs.branch_id = of_branches.branch_id and pairs.prefecture = of_branches.prefecture
left join of_all on pairs.prefecture = of_all.prefecture
left join customers on pairs.prefecture = customers.prefecture
left join {{ ref('int_market_sizes') }} as sizes on pairs.prefecture = sizes.prefecture
