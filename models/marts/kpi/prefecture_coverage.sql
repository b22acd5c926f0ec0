-- Branches, wins and sales by prefecture. A branch counts in each prefecture of its territory at the end of the window; without
-- a territory, in the prefecture of its address. Customers count in theirs. A missing prefecture is unknown. Window: the
-- twelve months to the end of each fiscal half.
with halves as (
    {{ fiscal_periods('half') }}
),

prefectures as (
    select prefecture from {{ ref('int_territories') }}
    union
    select prefecture from {{ ref('dim_branch') }} where prefecture is not null
    union
    select prefecture from {{ ref('dim_customer') }} where prefecture is not null
    union
    select 'unknown' as prefecture
),

-- On the last day of the window. A branch that had closed by then counts where it was last.
places as (
    select
        halves.last_month, halves.next_month, branches.branch_id,
        coalesce(territories.prefecture, branches.prefecture, 'unknown') as prefecture
    from halves
    inner join {{ ref('dim_branch') }} as branches on not branches.is_sentinel
    left join {{ ref('int_territories') }} as territories
        on
            branches.branch_id = territories.branch_id
            and territories.valid_from < least(halves.next_month, coalesce(branches.closed_on, halves.next_month))
            and territories.valid_to >= least(halves.next_month, coalesce(branches.closed_on, halves.next_month))
    group by
        halves.last_month, halves.next_month, branches.branch_id,
        coalesce(territories.prefecture, branches.prefecture, 'unknown')
),

branches as (
    select places.last_month, places.prefecture, count(*) as branches
    from places
    inner join {{ ref('dim_branch') }} as branches
        on
            places.branch_id = branches.branch_id
            and coalesce(branches.opened_on, {{ since_ever() }}) < places.next_month
            and coalesce(branches.closed_on, {{ for_ever() }}) >= places.next_month
    group by places.last_month, places.prefecture
),

producers as (
    select distinct halves.last_month, won.branch_id
    from halves
    inner join {{ ref('int_won_months') }} as won
        on won.month <= halves.last_month and won.month > {{ add_months('halves.last_month', -12) }}
    where won.is_won
),

won as (
    select places.last_month, places.prefecture, count(*) as producing_branches
    from producers
    inner join places on producers.last_month = places.last_month and producers.branch_id = places.branch_id
    group by places.last_month, places.prefecture
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
