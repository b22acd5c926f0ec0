-- What partner, customer and vendor got in a fiscal year, on today's organisation. Commission and margin of a branch that was split go to
-- the successor with the largest share, as counts do; won_amount is the ledger's, divided by the shares.
with years as (
    select
        {{ fiscal_year('month') }} as fiscal_year, min(month) as first_month, max(month) as last_month,
        sum(case when is_complete then 1 else 0 end) = 12 as is_complete
    from {{ ref('int_months') }}
    group by {{ fiscal_year('month') }}
),

sales as (
    select
        months.scope_key, {{ fiscal_year('months.month') }} as fiscal_year,
        sum(months.won_amount) as won_amount, sum(months.deals_won) as deals_won
    from {{ ref('int_monthly') }} as months
    inner join {{ ref('int_scopes') }} as scopes on months.scope_key = scopes.scope_key and scopes.organisation = 'as_is'
    group by months.scope_key, {{ fiscal_year('months.month') }}
),

earnings as (
    select
        bridge.scope_key, {{ fiscal_year('earnings.month') }} as fiscal_year,
        sum(earnings.commission) as partner_commission,
        sum(earnings.margin) as vendor_margin,
        sum(case when earnings.commission is not null then abs(earnings.amount) else cast(0 as {{ money_type() }}) end) as with_commission,
        sum(case when earnings.margin is not null then abs(earnings.amount) else cast(0 as {{ money_type() }}) end) as with_margin,
        sum(abs(earnings.amount)) as moved
    from {{ ref('int_earnings') }} as earnings
    inner join {{ ref('int_scope_bridge') }} as bridge
        on earnings.branch_version_id = bridge.branch_version_id and bridge.organisation = 'as_is'
    group by bridge.scope_key, {{ fiscal_year('earnings.month') }}
),

-- Renewals by the day of their end, and customers with a win.
customers as (
    select
        bridge.scope_key, {{ fiscal_year('deals.closed_on') }} as fiscal_year,
        count(distinct case when deals.status = 'won' then deals.customer_id end) as customers_won,
        sum(case when deals.deal_type = 'renewal' and deals.status = 'won' then 1 else 0 end) as renewals_won,
        sum(case when deals.deal_type = 'renewal' then 1 else 0 end) as renewals_closed
    from {{ ref('fct_deals') }} as deals
    cross join {{ ref('int_as_of') }} as today
    inner join {{ ref('int_scope_bridge') }} as bridge
        on deals.branch_version_id = bridge.branch_version_id and bridge.organisation = 'as_is'
    where deals.is_counted and deals.status in ('won', 'lost') and deals.closed_on <= today.as_of
    group by bridge.scope_key, {{ fiscal_year('deals.closed_on') }}
)

select
    scopes.scope,
    scopes.entity_id,
    scopes.partner_id,
    years.fiscal_year,
    years.is_complete,
    cast(earnings.partner_commission as {{ money_type() }}) as partner_commission,
    {{ rate('coalesce(earnings.with_commission, 0)', 'earnings.moved') }} as commission_known_share,
    cast(coalesce(customers.customers_won, 0) as bigint) as customers_won,
    cast(coalesce(customers.renewals_won, 0) as bigint) as renewal_rate_numerator,
    cast(coalesce(customers.renewals_closed, 0) as bigint) as renewal_rate_denominator,
    {{ rate('customers.renewals_won', 'customers.renewals_closed', var('n_min')) }} as renewal_rate,
    cast(sales.deals_won as bigint) as deals_won,
    cast(sales.won_amount as {{ money_type() }}) as won_amount,
    cast(earnings.vendor_margin as {{ money_type() }}) as vendor_margin,
    {{ rate('coalesce(earnings.with_margin, 0)', 'earnings.moved') }} as margin_known_share
from sales
inner join years on sales.fiscal_year = years.fiscal_year
inner join {{ ref('int_scopes') }} as scopes on sales.scope_key = scopes.scope_key
left join earnings on sales.scope_key = earnings.scope_key and sales.fiscal_year = earnings.fiscal_year
left join customers on sales.scope_key = customers.scope_key and sales.fiscal_year = customers.fiscal_year
where not scopes.is_special
