-- Results of today's branches in the twelve months to the end of each half: wins, money, and recurring money.
with monthly as (
    select
        scopes.entity_id as branch_id, months.month, months.deals_won, months.won_amount,
        cast(0 as {{ money_type() }}) as recurring_amount
    from {{ ref('int_monthly') }} as months
    inner join {{ ref('int_scopes') }} as scopes on months.scope_key = scopes.scope_key
    where scopes.organisation = 'as_is' and scopes.scope = 'branch'
    union all
    select branch_id, month, 0 as deals_won, cast(0 as {{ money_type() }}) as won_amount, recurring_amount
    from {{ ref('int_recurring_money') }}
)

select
    monthly.branch_id,
    halves.period_start,
    cast(sum(monthly.deals_won) as bigint) as deals_won_t12m,
    cast(sum(monthly.won_amount) as {{ money_type() }}) as won_amount_t12m,
    cast(sum(monthly.recurring_amount) as {{ money_type() }}) as recurring_amount_t12m,
    cast(sum({{ {
        'wins': 'monthly.deals_won', 'money': 'monthly.won_amount', 'recurring': 'monthly.recurring_amount'
    }[var('result_axis')] }}) as {{ money_type() }}) as result
from {{ ref('int_halves') }} as halves
inner join monthly
    on monthly.month <= halves.period_end and monthly.month > {{ add_months('halves.period_end', -12) }}
group by monthly.branch_id, halves.period_start
