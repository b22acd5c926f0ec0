-- What partners earn from each won deal and month: the commission that the deal states, otherwise an estimate by the usual
-- commission of the channel. Commission is a share of the deal's amount, so a return reduces it.
with commissions as (
    select
        deals.deal_id,
        deals.channel,
        -- The source states commission and amount in one currency.
        case
            when deals.amount_in_currency > 0 and sources.partner_commission >= 0
                then cast(sources.partner_commission as double) / cast(deals.amount_in_currency as double)
        end as commission_rate
    from {{ ref('fct_deals') }} as deals
    inner join {{ ref('int_deals') }} as sources on deals.deal_id = sources.deal_id
    where deals.channel_class = 'indirect'
),

won as (
    select
        months.deal_id, months.branch_version_id, months.month, coalesce(months.channel, 'none') as channel,
        cast(months.amount as double) as amount, commissions.commission_rate
    from {{ ref('int_won_months') }} as months
    left join commissions on months.deal_id = commissions.deal_id
    where months.channel_class = 'indirect' and months.amount is not null
),

channels as (
    select
        channel,
        count(*) as deals,
        sum({{ exact('amount * commission_rate') }}) as commission,
        sum({{ exact_money('amount') }}) as amount
    from won
    where commission_rate is not null
    group by channel
),

usual as (
    select sum(deals) as deals, sum(commission) as commission, sum(amount) as amount from channels
),

rates as (
    select
        names.channel,
        case
            when channels.deals >= {{ var('n_min') }} and channels.amount > 0
                then cast(channels.commission as double) / cast(channels.amount as double)
            when usual.deals >= {{ var('n_min') }} and usual.amount > 0
                then cast(usual.commission as double) / cast(usual.amount as double)
        end as usual_rate
    from (select distinct channel from won) as names
    cross join usual
    left join channels on names.channel = channels.channel
)

select
    won.branch_version_id,
    won.month,
    cast(sum({{ exact_money('won.amount') }}) as double) as sold_amount,
    cast(coalesce(sum(case when won.commission_rate is not null then {{ exact_money('won.amount') }} end), 0) as double) as known_amount,
    cast(coalesce(sum(case when won.commission_rate is not null then {{ exact('won.amount * won.commission_rate') }} end), 0) as double)
        as known_earnings,
    cast(sum(case when won.commission_rate is null then {{ exact('won.amount * rates.usual_rate') }} end) as double)
        as estimated_earnings,
    sum(case when won.commission_rate is null and rates.usual_rate is null then 1 else 0 end) as unknown_deals
from won
inner join rates on won.channel = rates.channel
group by won.branch_version_id, won.month
