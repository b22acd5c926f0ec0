-- Two-tier deals from both sides: the distributor of the deal, and the branch that is credited once.
with distributors as (
    select distinct deal_id, acting_partner_id as distributor_id
    from {{ ref('int_deal_distributors') }}
)

select
    distributors.distributor_id,
    won.branch_id,
    won.partner_id,
    won.month,
    {{ is_over(add_months('won.month', 1)) }} as is_complete,
    cast(sum(case when won.is_won then 1 else 0 end) as bigint) as deals_won,
    cast(coalesce(sum(won.amount), 0) as {{ money_type() }}) as won_amount
from {{ ref('int_won_months') }} as won
inner join distributors on won.deal_id = distributors.deal_id
group by distributors.distributor_id, won.branch_id, won.partner_id, won.month
