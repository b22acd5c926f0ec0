select
    rep_id,
    branch_id,
    partner_id,
    month,
    {{ is_over(add_months('month', 1)) }} as is_complete,
    cast(sum(deals_new) as bigint) as deals_new,
    cast(sum(referrals) as bigint) as referrals,
    cast(sum(deals_won) as bigint) as deals_won,
    cast(sum(won_amount) as {{ money_type() }}) as won_amount
from {{ ref('int_rep_months') }}
group by rep_id, branch_id, partner_id, month
