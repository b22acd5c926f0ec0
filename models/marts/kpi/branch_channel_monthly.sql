select
    branch_id,
    partner_id,
    channel_class,
    channel,
    month,
    {{ is_over(add_months('month', 1)) }} as is_complete,
    cast(sum(deals_new) as bigint) as deals_new,
    cast(sum(deals_qualified) as bigint) as deals_qualified,
    cast(sum(deals_won) as bigint) as deals_won,
    cast(sum(deals_lost) as bigint) as deals_lost,
    cast(sum(won_amount) as {{ money_type() }}) as won_amount
from {{ ref('int_branch_channel_months') }}
group by branch_id, partner_id, channel_class, channel, month
