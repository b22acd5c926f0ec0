-- How often rollouts succeed, by product and fiscal half of their start, next to sister branches that got no case.
with rollouts as (
    select product_id, {{ month_of('shared_on') }} as month, outcome, is_judged, untold_sisters, untold_sisters_won
    from {{ ref('int_rollouts') }}
    union all
    select 'ALL' as product_id, {{ month_of('shared_on') }} as month, outcome, is_judged, untold_sisters, untold_sisters_won
    from {{ ref('int_rollouts') }}
),

counted as (
    select
        rollouts.product_id,
        periods.fiscal_year,
        periods.fiscal_half,
        periods.first_month as period_start,
        count(*) as rollouts_started,
        sum(case when rollouts.outcome = 'sold_before' then 1 else 0 end) as rollouts_sold_before,
        sum(case when rollouts.is_judged then 1 else 0 end) as judged,
        sum(case when rollouts.is_judged and rollouts.outcome = 'succeeded' then 1 else 0 end) as succeeded,
        sum(case when not rollouts.is_judged and rollouts.outcome != 'sold_before' then 1 else 0 end) as running,
        sum(case when rollouts.is_judged then rollouts.untold_sisters else 0 end) as sisters,
        sum(case when rollouts.is_judged then rollouts.untold_sisters_won else 0 end) as sisters_won
    from rollouts
    inner join ({{ fiscal_periods('half') }}) as periods
        on rollouts.month >= periods.first_month and rollouts.month < periods.next_month
    group by rollouts.product_id, periods.fiscal_year, periods.fiscal_half, periods.first_month
)

select
    counted.product_id,
    products.product_name,
    counted.fiscal_year,
    counted.fiscal_half,
    counted.period_start,
    counted.rollouts_started,
    cast(counted.rollouts_sold_before as bigint) as rollouts_sold_before,
    cast(counted.running as bigint) as rollouts_running,
    counted.running = 0 as is_complete,
    cast(counted.succeeded as bigint) as rollout_success_numerator,
    cast(counted.judged as bigint) as rollout_success_denominator,
    {{ rate('counted.succeeded', 'counted.judged', var('n_min')) }} as rollout_success,
    {{ wilson_bound('counted.succeeded', 'counted.judged', '-') }} as interval_low,
    {{ wilson_bound('counted.succeeded', 'counted.judged', '+') }} as interval_high,
    cast(counted.sisters_won as bigint) as untold_sisters_won,
    cast(counted.sisters as bigint) as untold_sisters,
    {{ rate('counted.sisters_won', 'counted.sisters', var('n_min')) }} as untold_success
from counted
left join {{ ref('dim_product') }} as products on counted.product_id = products.product_id
