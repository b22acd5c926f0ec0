-- For each month end: the chance that a deal of a stage and age, open on that day, is won in a certain later month. It
-- comes from the months before: of the deals that were open at such a month end, the share that was won, or lost,
-- after so many months, times the season of the calendar month. A deal at the stage `new` is still to come; start is
-- the month after the month end in which it comes.
with steps as (
    {{ whole_numbers(1, 12) }}
),

forecast_months as (
    select distinct month_number, last_number from {{ ref('int_forecast_months') }}
),

counted as (
    select stage, age_days, month_number, months_left, is_won, count(*) as deals
    from {{ ref('int_open_months') }}
    group by stage, age_days, month_number, months_left, is_won
),

-- Deals still open before the n-th month after a month end, and how many of them were won or lost in it.
risks as (
    select
        counted.stage,
        counted.age_days,
        steps.n,
        counted.month_number + steps.n as month_number,
        sum(counted.deals) as deals,
        sum(case when counted.months_left = steps.n and counted.is_won then counted.deals else 0 end) as wins,
        sum(case when counted.months_left = steps.n and not counted.is_won then counted.deals else 0 end) as losses
    from counted
    inner join steps on coalesce(counted.months_left, {{ not_yet() }}) >= steps.n
    group by counted.stage, counted.age_days, steps.n, counted.month_number + steps.n
),

known as (
    select
        forecast_months.month_number, risks.stage, risks.age_days, risks.n, risks.month_number as known_number,
        risks.deals, risks.wins, risks.losses
    from forecast_months
    inner join risks
        on
            risks.month_number <= forecast_months.month_number
            and risks.month_number > forecast_months.month_number - {{ var('forecast_window_months') }}
),

cells as (
    select month_number, stage, age_days, n, sum(deals) as deals, sum(wins) as wins, sum(losses) as losses
    from known
    group by month_number, stage, age_days, n
),

usual as (
    select
        month_number, stage, n,
        cast(sum(wins) as double) / sum(deals) as win_rate, cast(sum(losses) as double) / sum(deals) as loss_rate
    from cells
    group by month_number, stage, n
),

ages as (
    select distinct stage, age_days from risks
),

-- To the deals of an age, n_min deals with the rate of all ages are added, so that few deals do not decide.
rates as (
    select
        usual.month_number, usual.stage, ages.age_days, usual.n,
        (coalesce(cells.wins, 0) + {{ var('n_min') }} * usual.win_rate) / (coalesce(cells.deals, 0) + {{ var('n_min') }}) as win_rate,
        (coalesce(cells.losses, 0) + {{ var('n_min') }} * usual.loss_rate) / (coalesce(cells.deals, 0) + {{ var('n_min') }}) as loss_rate
    from usual
    inner join ages on usual.stage = ages.stage
    left join cells
        on
            usual.month_number = cells.month_number and usual.stage = cells.stage
            and usual.n = cells.n and ages.age_days = cells.age_days
),

-- Season: wins and losses of a calendar month ÷ the wins and losses expected from the rates alone.
seasons as (
    select
        known.month_number,
        mod(known.known_number, 12) as calendar_month,
        {{ shrunk_ratio('sum(known.wins)', 'sum(' ~ exact('known.deals * rates.win_rate') ~ ')', 2) }} as win_season,
        {{ shrunk_ratio('sum(known.losses)', 'sum(' ~ exact('known.deals * rates.loss_rate') ~ ')', 2) }} as loss_season
    from known
    inner join rates
        on
            known.month_number = rates.month_number and known.stage = rates.stage
            and known.age_days = rates.age_days and known.n = rates.n
    where known.n = 1
    group by known.month_number, mod(known.known_number, 12)
),

starts as (
    select stage, age_days, 1 as start from ages where stage != 'new'
    union all
    select ages.stage, ages.age_days, steps.n as start
    from ages
    cross join steps
    where ages.stage = 'new'
),

seasonal as (
    select
        rates.month_number, rates.stage, rates.age_days, starts.start,
        rates.month_number + starts.start - 1 + rates.n as target_number,
        rates.win_rate * coalesce(seasons.win_season, cast(1 as double)) as win_rate,
        rates.loss_rate * coalesce(seasons.loss_season, cast(1 as double)) as loss_rate
    from rates
    inner join starts on rates.stage = starts.stage and rates.age_days = starts.age_days and starts.start + rates.n <= 13
    left join seasons
        on
            rates.month_number = seasons.month_number
            and mod(rates.month_number + starts.start - 1 + rates.n, 12) = seasons.calendar_month
),

-- The chance to be still open before the month is the product of the earlier months' chances to stay open.
survived as (
    select
        *,
        exp(cast(coalesce(
            sum(cast(ln(greatest(1 - win_rate - loss_rate, cast(0.05 as double))) as decimal(18, 12))) over (
                partition by month_number, stage, age_days, start order by target_number
                rows between unbounded preceding and 1 preceding
            ), 0
        ) as double)) as open_share
    from seasonal
)

select month_number, stage, age_days, start, target_number, round(open_share * win_rate, 8) as win_chance
from survived
