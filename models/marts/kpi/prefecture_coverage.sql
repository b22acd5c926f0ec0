-- Branches, wins and sales by prefecture. Branches count in their own prefecture, customers in theirs; a missing
-- prefecture is unknown. Window: the twelve months to the end of each fiscal half.
with halves as (
    {{ fiscal_periods('half') }}
),

prefectures as (
    select prefecture from {{ ref('dim_branch') }} where prefecture is not null
    union
    select prefecture from {{ ref('dim_customer') }} where prefecture is not null
    union
    select 'unknown' as prefecture
),

branches as (
    select
        halves.last_month,
        coalesce(branches.prefecture, 'unknown') as prefecture,
        count(*) as branches
    from halves
    inner join {{ ref('dim_branch') }} as branches
        on
            not branches.is_sentinel
            and coalesce(branches.opened_on, {{ since_ever() }}) < halves.next_month
            and coalesce(branches.closed_on, {{ for_ever() }}) >= halves.next_month
    group by halves.last_month, coalesce(branches.prefecture, 'unknown')
),

won as (
    select
        halves.last_month,
        coalesce(branches.prefecture, 'unknown') as prefecture,
        count(distinct case when won.is_won then won.branch_id end) as producing_branches
    from halves
    inner join {{ ref('int_won_months') }} as won
        on won.month <= halves.last_month and won.month > {{ add_months('halves.last_month', -12) }}
    inner join {{ ref('dim_branch') }} as branches on won.branch_id = branches.branch_id and not branches.is_sentinel
    group by halves.last_month, coalesce(branches.prefecture, 'unknown')
),

sold_to as (
    select
        halves.last_month,
        coalesce(customers.prefecture, 'unknown') as prefecture,
        sum(revenue.amount) as won_amount,
        sum(case when revenue.channel_class = 'indirect' then revenue.amount else cast(0 as {{ money_type() }}) end) as won_amount_indirect
    from halves
    inner join {{ ref('fct_revenue') }} as revenue
        on
            revenue.recognized_month <= halves.last_month
            and revenue.recognized_month > {{ add_months('halves.last_month', -12) }}
    left join {{ ref('dim_customer') }} as customers on revenue.customer_id = customers.customer_id
    where revenue.is_counted
    group by halves.last_month, coalesce(customers.prefecture, 'unknown')
)

select
    prefectures.prefecture,
    halves.last_month,
    halves.fiscal_year,
    halves.fiscal_half,
    halves.is_complete,
    halves.has_twelve_months,
    coalesce(branches.branches, 0) as branches,
    coalesce(won.producing_branches, 0) as producing_branches,
    coalesce(won.producing_branches, 0) > 0 as is_covered,
    cast(coalesce(sold_to.won_amount, 0) as {{ money_type() }}) as customers_won_amount,
    cast(coalesce(sold_to.won_amount_indirect, 0) as {{ money_type() }}) as customers_won_amount_indirect
from prefectures
cross join halves
left join branches on prefectures.prefecture = branches.prefecture and halves.last_month = branches.last_month
left join won on prefectures.prefecture = won.prefecture and halves.last_month = won.last_month
left join sold_to on prefectures.prefecture = sold_to.prefecture and halves.last_month = sold_to.last_month
