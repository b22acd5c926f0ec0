-- What partners earn by branch and month: the commission of their revenue events (int_earnings), and where the source states none
-- an estimate by the usual commission of the channel. A return reduces both.
with sold as (
    select branch_version_id, month, deal_id, coalesce(channel, 'none') as channel, amount, commission
    from {{ ref('int_earnings') }}
    where channel_class = 'indirect' and amount is not null
),

channels as (
    -- With their type, because Sail writes a sum with another type than it says.
    select
        channel,
        count(distinct deal_id) as deals,
        cast(sum(commission) as {{ money_type() }}) as commission,
        cast(sum(amount) as {{ money_type() }}) as amount
    from sold
    where commission is not null
    group by channel
),

usual as (
    select
        sum(deals) as deals,
        cast(sum(commission) as {{ money_type() }}) as commission,
        cast(sum(amount) as {{ money_type() }}) as amount
    from channels
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
    from (select distinct channel from sold) as names
    cross join usual
    left join channels on names.channel = channels.channel
)

select
    sold.branch_version_id,
    sold.month,
    cast(sum(sold.amount) as {{ money_type() }}) as sold_amount,
    cast(coalesce(sum(case when sold.commission is not null then sold.amount end), 0) as {{ money_type() }}) as known_amount,
    cast(coalesce(sum(sold.commission), 0) as {{ money_type() }}) as known_earnings,
    cast(sum(case when sold.commission is null then {{ exact('cast(sold.amount as double) * rates.usual_rate') }} end) as double)
        as estimated_earnings,
    sum(case when sold.commission is null and rates.usual_rate is null then 1 else 0 end) as unknown_events
from sold
inner join rates on sold.channel = rates.channel
group by sold.branch_version_id, sold.month
