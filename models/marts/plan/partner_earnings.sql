-- What partners earned in each fiscal quarter from what they sold, on today's organisation: known commission, and an estimate for
-- the rest.
with quarters as (
    select
        month,
        {{ fiscal_year('month') }} as fiscal_year,
        {{ fiscal_quarter('month') }} as fiscal_quarter,
        min(month) over (partition by {{ fiscal_year('month') }}, {{ fiscal_quarter('month') }}) as period_start,
        sum(case when is_complete then 1 else 0 end) over (
            partition by {{ fiscal_year('month') }}, {{ fiscal_quarter('month') }}
        ) = 3 as is_complete
    from {{ ref('int_months') }}
),

summed as (
    select
        bridge.scope, bridge.entity_id, quarters.fiscal_year, quarters.fiscal_quarter, quarters.period_start, quarters.is_complete,
        cast(sum(earnings.sold_amount) as {{ money_type() }}) as sold_amount,
        cast(sum(earnings.known_amount) as {{ money_type() }}) as known_amount,
        cast(sum(earnings.known_earnings) as {{ money_type() }}) as known_earnings,
        {{ round_money('sum(' ~ exact('earnings.estimated_earnings') ~ ')') }} as estimated_earnings,
        sum(earnings.unknown_events) as unknown_events
    from {{ ref('int_partner_earnings') }} as earnings
    inner join quarters on earnings.month = quarters.month
    inner join {{ ref('int_scope_bridge') }} as bridge
        on earnings.branch_version_id = bridge.branch_version_id and bridge.organisation = 'as_is'
    group by
        bridge.scope, bridge.entity_id, quarters.fiscal_year, quarters.fiscal_quarter, quarters.period_start, quarters.is_complete
)

select
    scope,
    entity_id,
    case when scope = 'branch' then entity_id end as branch_id,
    fiscal_year,
    fiscal_quarter,
    period_start,
    is_complete,
    sold_amount,
    known_amount as commission_known_amount,
    known_earnings,
    estimated_earnings,
    cast(case when unknown_events = 0 then known_earnings + coalesce(estimated_earnings, 0) end as {{ money_type() }}) as partner_earnings,
    estimated_earnings is not null or unknown_events > 0 as is_estimated
from summed
