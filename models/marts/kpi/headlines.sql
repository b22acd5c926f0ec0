-- The company's figures of the last complete fiscal year and of the last complete month.
with months as (
    select
        months.month, {{ fiscal_year('months.month') }} as fiscal_year, months.won_amount, months.deals_won, months.deals_new,
        months.won_amount_indirect, months.won_amount_direct
    from {{ ref('int_monthly') }} as months
    inner join {{ ref('int_scopes') }} as scopes on months.scope_key = scopes.scope_key
    where scopes.organisation = 'as_was' and scopes.scope = 'company' and months.is_complete
),

whole_years as (
    select fiscal_year from months group by fiscal_year having count(*) = 12
),

latest_year as (
    select max(fiscal_year) as fiscal_year from whole_years
),

latest_month as (
    select max(month) as month from months
),

periods as (
    select 'fiscal_year' as period_type, months.*
    from months
    inner join latest_year on months.fiscal_year = latest_year.fiscal_year
    union all
    select 'month' as period_type, months.*
    from months
    inner join latest_month on months.month = latest_month.month
)

select
    period_type,
    min(month) as period_start,
    min(fiscal_year) as fiscal_year,
    cast(sum(won_amount) as {{ money_type() }}) as won_amount,
    cast(sum(deals_won) as bigint) as deals_won,
    cast(sum(deals_new) as bigint) as deals_new,
    cast(sum(won_amount_indirect) as {{ money_type() }}) as indirect_ratio_numerator,
    cast(sum(won_amount_indirect + won_amount_direct) as {{ money_type() }}) as indirect_ratio_denominator,
    case
        when sum(won_amount_indirect + won_amount_direct) > 0
            then cast(sum(won_amount_indirect) as double) / cast(sum(won_amount_indirect + won_amount_direct) as double)
    end as indirect_ratio
from periods
group by period_type
