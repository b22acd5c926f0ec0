with deals as (
    select
        {{ month_of('attribution.credit_on') }} as month,
        attribution.partner_id,
        attribution.rung,
        attribution.is_resolved,
        facts.amount
    from {{ ref('deal_attribution') }} as attribution
    inner join {{ ref('int_deals') }} as facts on attribution.deal_id = facts.deal_id
),

counted as (
    select
        month,
        partner_id,
        rung,
        count(*) as deals,
        count(is_resolved) as partner_deals,
        sum(case when is_resolved then 1 else 0 end) as resolved_deals,
        cast(coalesce(sum(amount), 0) as {{ money_type() }}) as amount
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
    {{ rate('sum(resolved_deals) over partner_months', 'sum(partner_deals) over partner_months') }} as resolution_rate
from counted
window partner_months as (partition by month, partner_id)
