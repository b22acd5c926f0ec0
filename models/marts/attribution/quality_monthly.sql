with deals as (
    select
        {{ month_of('attribution.credit_on') }} as month,
        attribution.partner_id,
        attribution.rung,
        facts.amount
    from {{ ref('deal_attribution') }} as attribution
    inner join {{ ref('int_deals') }} as facts on attribution.deal_id = facts.deal_id
),

counted as (
    select month, partner_id, rung, count(*) as deals, cast(coalesce(sum(amount), 0) as {{ money_type() }}) as amount
    from deals
    group by month, partner_id, rung
)

select
    month,
    partner_id,
    rung,
    deals,
    amount,
    -- Known share of the partner's deals of the month. Direct deals have no branch to find.
    case
        when partner_id != 'DIRECT'
            then
                cast(sum(case when rung not in ('L11', 'L12') then deals else 0 end) over partner_months as double)
                / sum(deals) over partner_months
    end as resolution_rate
from counted
window partner_months as (partition by month, partner_id)
