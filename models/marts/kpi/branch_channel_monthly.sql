-- What adds up, by branch, channel of the deal and month: only where something happened.
with entries as (
    select
        branch_id,
        partner_id,
        channel_class,
        coalesce(channel, 'none') as channel,
        entered_month as month,
        sum(case when stage = 'open' then 1 else 0 end) as deals_new,
        sum(case when stage = 'qualified' then 1 else 0 end) as deals_qualified,
        sum(case when stage = 'lost' then 1 else 0 end) as deals_lost
    from {{ ref('fct_stage_entries') }}
    where is_counted
    group by branch_id, partner_id, channel_class, coalesce(channel, 'none'), entered_month
),

won as (
    select
        branch_id,
        partner_id,
        channel_class,
        coalesce(channel, 'none') as channel,
        month,
        sum(case when is_won then 1 else 0 end) as deals_won,
        sum(amount) as won_amount
    from {{ ref('int_won_months') }}
    group by branch_id, partner_id, channel_class, coalesce(channel, 'none'), month
)

select
    coalesce(entries.branch_id, won.branch_id) as branch_id,
    coalesce(entries.partner_id, won.partner_id) as partner_id,
    coalesce(entries.channel_class, won.channel_class) as channel_class,
    coalesce(entries.channel, won.channel) as channel,
    coalesce(entries.month, won.month) as month,
    {{ is_over(add_months('coalesce(entries.month, won.month)', 1)) }} as is_complete,
    cast(coalesce(entries.deals_new, 0) as bigint) as deals_new,
    cast(coalesce(entries.deals_qualified, 0) as bigint) as deals_qualified,
    cast(coalesce(won.deals_won, 0) as bigint) as deals_won,
    cast(coalesce(entries.deals_lost, 0) as bigint) as deals_lost,
    cast(coalesce(won.won_amount, 0) as {{ money_type() }}) as won_amount
from entries
full outer join won
    on
        entries.branch_id = won.branch_id
        and entries.partner_id = won.partner_id
        and entries.channel_class = won.channel_class
        and entries.channel = won.channel
        and entries.month = won.month
