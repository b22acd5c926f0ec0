-- Cost and benefit of a programme by month, from its start, or an earlier cost, to today. The benefit is margin, or revenue where
-- too little of the revenue has a known margin; basis says which.
with revenue as (
    select
        programme_id, month,
        cast(sum(amount) as {{ money_type() }}) as revenue,
        cast(sum(coalesce(margin, 0)) as {{ money_type() }}) as margin,
        sum(abs(amount)) as moved,
        sum(case when margin is not null then abs(amount) else cast(0 as {{ money_type() }}) end) as moved_with_margin
    from {{ ref('int_programme_revenue') }}
    group by programme_id, month
),

bases as (
    select programme_id, {{ rate('sum(moved_with_margin)', 'sum(moved)') }} as margin_known_share
    from revenue
    group by programme_id
),

firsts as (
    select programme_id, min(month) as first_month
    from (
        select programme_id, started_month as month from {{ ref('int_programmes') }}
        union all
        select programme_id, month from {{ ref('int_programme_costs') }}
        union all
        select programme_id, month from revenue
    ) as marks
    group by programme_id
),

spans as (
    select min(firsts.first_month) as first_month, {{ month_of('max(today.as_of)') }} as last_month
    from firsts
    cross join {{ ref('int_as_of') }} as today
),

months as (
    {{ date_series('(select first_month from spans)', '(select last_month from spans)', 'month', 'month') }}
),

figures as (
    select
        programmes.programme_id,
        programmes.started_month,
        programmes.planned_payback_month,
        months.month,
        {{ add_days(add_months('months.month', 1), -1) }} <= today.as_of as is_complete,
        {{ month_number('months.month') }} - {{ month_number('programmes.started_month') }} + 1 as nth_month,
        case when bases.margin_known_share < {{ var('programme_margin_share') }} then 'revenue' else 'margin' end as basis,
        bases.margin_known_share,
        coalesce(costs.cost, 0) as cost,
        coalesce(revenue.revenue, 0) as revenue,
        coalesce(revenue.margin, 0) as margin
    from {{ ref('int_programmes') }} as programmes
    inner join firsts on programmes.programme_id = firsts.programme_id
    inner join months on firsts.first_month <= months.month
    cross join {{ ref('int_as_of') }} as today
    left join bases on programmes.programme_id = bases.programme_id
    left join {{ ref('int_programme_costs') }} as costs
        on programmes.programme_id = costs.programme_id and months.month = costs.month
    left join revenue on programmes.programme_id = revenue.programme_id and months.month = revenue.month
),

cumulated as (
    select
        *,
        case when basis = 'margin' then margin else revenue end as benefit,
        sum(cost) over to_date as cumulative_cost,
        sum(case when basis = 'margin' then margin else revenue end) over to_date as cumulative_benefit
    from figures
    window to_date as (partition by programme_id order by month rows between unbounded preceding and current row)
)

select
    programme_id,
    month,
    nth_month,
    is_complete,
    planned_payback_month,
    basis,
    margin_known_share,
    cast(cost as {{ money_type() }}) as cost,
    cast(revenue as {{ money_type() }}) as revenue,
    cast(margin as {{ money_type() }}) as margin,
    cast(benefit as {{ money_type() }}) as benefit,
    cast(cumulative_cost as {{ money_type() }}) as cumulative_cost,
    cast(cumulative_benefit as {{ money_type() }}) as cumulative_benefit,
    cast(cumulative_benefit - cumulative_cost as {{ money_type() }}) as cumulative_net,
    case
        when cumulative_cost > 0 then cast(cumulative_benefit - cumulative_cost as double) / cast(cumulative_cost as double)
    end as roi_to_date,
    -- The first complete month at whose end it has brought what it has cost until then.
    min(case when is_complete and cumulative_cost > 0 and cumulative_benefit >= cumulative_cost then month end)
        over (partition by programme_id) as payback_month
from cumulated
