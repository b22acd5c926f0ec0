-- Forecast of a month end for the deals that were open on that day, up to each horizon, by branch of today.
with odds as (
    select
        months.month_number, months.horizon, odds.stage, odds.age_days,
        cast(sum({{ exact('odds.win_chance') }}) as double) as win_chance
    from {{ ref('int_forecast_months') }} as months
    inner join {{ ref('int_win_odds') }} as odds
        on
            months.month_number = odds.month_number and odds.stage != 'new'
            and odds.target_number <= months.last_forecast_number
    group by months.month_number, months.horizon, odds.stage, odds.age_days
),

chances as (
    select
        deals.month_number, odds.horizon, deals.branch_id, deals.division_id, deals.partner_id,
        least(
            odds.win_chance * coalesce(kinds.factor, 1) * coalesce(partners.factor, 1), cast(0.97 as double)
        ) as win_chance,
        coalesce(cast(deals.amount as double), amounts.mean_amount, cast(0 as double)) as amount
    from {{ ref('int_open_months') }} as deals
    inner join odds
        on deals.month_number = odds.month_number and deals.stage = odds.stage and deals.age_days = odds.age_days
    left join {{ ref('int_win_factors') }} as kinds
        on
            deals.month_number = kinds.month_number and deals.is_direct = kinds.is_direct
            and deals.channel = kinds.channel and deals.deal_type = kinds.deal_type
    left join {{ ref('int_win_factors') }} as partners
        on deals.month_number = partners.month_number and deals.partner_id = partners.partner_id
    left join {{ ref('int_win_amounts') }} as amounts
        on deals.month_number = amounts.month_number and deals.partner_id = amounts.partner_id
)

select
    month_number, horizon, branch_id, division_id, partner_id,
    count(*) as open_deals,
    sum({{ exact('win_chance') }}) as wins,
    sum({{ exact('win_chance * (1 - win_chance)') }}) as wins_variance,
    sum({{ exact_money('win_chance * amount') }}) as amount,
    sum({{ exact_money('win_chance * (amount / 1000) * (amount / 1000)') }}) as amount_variance
from chances
group by month_number, horizon, branch_id, division_id, partner_id
