-- Forecast of a month end for the deals that were open on that day, up to each horizon, by branch of today.
with chances as (
    {{ open_deal_chances(ref('int_forecast_months')) }}
)

select
    month_number, horizon, branch_id, division_id, partner_id,
    count(*) as open_deals,
    sum({{ exact_wins('win_chance') }}) as wins,
    sum({{ exact_wins('win_chance * (1 - win_chance)') }}) as wins_variance,
    sum({{ exact_money('win_chance * amount') }}) as amount,
    sum({{ exact_money('win_chance * (amount / 1000) * (amount / 1000)') }}) as amount_variance
from chances
group by month_number, horizon, branch_id, division_id, partner_id
