-- Wins of each month, and the wins expected from the odds of the month end before, by kind of deal, partner and salesperson.
-- Only what had happened by that month end is used.
select
    months.month_number + 1 as month_number,
    months.partner_id,
    months.rep_id,
    months.is_direct,
    months.channel,
    months.deal_type,
    sum(case when months.months_left = 1 and months.is_won then 1 else 0 end) as wins,
    sum({{ exact('odds.win_chance') }}) as expected_wins
from {{ ref('int_open_months') }} as months
inner join {{ ref('int_win_odds') }} as odds
    on
        months.month_number = odds.month_number and months.stage = odds.stage and months.age_days = odds.age_days
        and odds.start = 1 and odds.target_number = months.month_number + 1
where months.month_number < (select max(calendar.last_number) from {{ ref('int_forecast_months') }} as calendar)
group by months.month_number, months.partner_id, months.rep_id, months.is_direct, months.channel, months.deal_type
