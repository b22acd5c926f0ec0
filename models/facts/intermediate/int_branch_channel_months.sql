-- Additive figures by branch, channel of the deal and month. Months without activity have no row.
with entries as (
    select
        branch_id,
        branch_version_id,
        partner_id,
        channel_class,
        coalesce(channel, 'none') as channel,
        entered_month as month,
        sum(case when stage = 'open' then 1 else 0 end) as deals_new,
        sum(case when stage = 'qualified' then 1 else 0 end) as deals_qualified,
        0 as deals_won,
        sum(case when stage = 'lost' then 1 else 0 end) as deals_lost,
        cast(null as {{ money_type() }}) as won_amount
    from {{ ref('fct_stage_entries') }}
    where is_counted
    group by branch_id, branch_version_id, partner_id, channel_class, coalesce(channel, 'none'), entered_month
),

won as (
    select
        branch_id,
        branch_version_id,
        partner_id,
        channel_class,
        coalesce(channel, 'none') as channel,
        month,
        0 as deals_new,
        0 as deals_qualified,
        sum(case when is_won then 1 else 0 end) as deals_won,
        0 as deals_lost,
        cast(sum(amount) as {{ money_type() }}) as won_amount
    from {{ ref('int_won_months') }}
    group by branch_id, branch_version_id, partner_id, channel_class, coalesce(channel, 'none'), month
),

figures as (
    select * from entries
    union all
    select * from won
)

select
    branch_id,
    branch_version_id,
    partner_id,
    channel_class,
    channel,
    month,
    sum(deals_new) as deals_new,
    sum(deals_qualified) as deals_qualified,
    sum(deals_won) as deals_won,
    sum(deals_lost) as deals_lost,
    cast(coalesce(sum(won_amount), 0) as {{ money_type() }}) as won_amount
from figures
group by branch_id, branch_version_id, partner_id, channel_class, channel, month
