-- Money of a win, as known at a month end: the mean of the partner in the window before, with ten more wins added at the
-- company's mean. `spread` is the mean square ÷ the square of the mean.
with months as (
    select distinct month_number from {{ ref('int_forecast_months') }}
),

won as (
    select
        won_number, partner_id, count(*) as wins, sum(won_amount) as amount,
        sum(cast(won_amount as decimal(19, 2)) * cast(won_amount as decimal(19, 2))) as squares
    from {{ ref('int_forecast_deals') }}
    where won_amount > 0
    group by won_number, partner_id
),

partners as (
    select months.month_number, won.partner_id, sum(won.wins) as wins, sum(won.amount) as amount, sum(won.squares) as squares
    from months
    inner join won
        on
            won.won_number <= months.month_number
            and won.won_number > months.month_number - {{ var('forecast_window_months') }}
    group by months.month_number, won.partner_id
),

company as (
    select
        month_number,
        cast(sum(amount) as double) / sum(wins) as mean_amount,
        cast(sum(squares) as double) * sum(wins) / (cast(sum(amount) as double) * cast(sum(amount) as double)) as spread
    from partners
    group by month_number
),

known as (
    select distinct partner_id from {{ ref('int_forecast_deals') }}
)

select
    company.month_number,
    known.partner_id,
    (coalesce(cast(partners.amount as double), 0) + 10 * company.mean_amount) / (coalesce(partners.wins, 0) + 10) as mean_amount,
    company.spread
from company
cross join known
left join partners on company.month_number = partners.month_number and known.partner_id = partners.partner_id
