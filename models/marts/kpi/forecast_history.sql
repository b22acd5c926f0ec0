-- The forecasts of the last 24 month ends, and the actual results. The last one is the current forecast. The errors of earlier
-- forecasts widen or narrow the intervals. Only forecasts whose horizon had ended by that month end count.
with forecasts as (
    select *, scope = 'company' as is_company from {{ ref('int_forecasts') }}
),

errors as (
    select
        is_company,
        last_forecast_number,
        count(*) as forecasts,
        sum({{ exact('(wins - wins_expected) * (wins - wins_expected) / wins_variance') }}) as wins_errors,
        sum({{ exact(
            '(cast(amount as double) - amount_expected) * (cast(amount as double) - amount_expected) / amount_variance'
        ) }}) as amount_errors
    from forecasts
    where is_over and wins_expected >= 5 and wins_variance > 0 and amount_variance > 0
    group by is_company, last_forecast_number
),

months as (
    select distinct month_number, is_company from forecasts
),

-- Mean squared error ÷ the variance that chance alone would cause. 30 more forecasts with the ratio 1 are added.
spreads as (
    select
        months.month_number,
        months.is_company,
        (30 + coalesce(cast(sum(errors.wins_errors) as double), 0)) / (30 + coalesce(sum(errors.forecasts), 0)) as wins_spread,
        (30 + coalesce(cast(sum(errors.amount_errors) as double), 0)) / (30 + coalesce(sum(errors.forecasts), 0)) as amount_spread
    from months
    left join errors on months.is_company = errors.is_company and errors.last_forecast_number <= months.month_number
    group by months.month_number, months.is_company
),

spread as (
    select
        forecasts.*,
        forecasts.wins_variance * spreads.wins_spread as wins_width,
        forecasts.amount_variance * spreads.amount_spread as amount_width
    from forecasts
    inner join spreads on forecasts.month_number = spreads.month_number and forecasts.is_company = spreads.is_company
    where forecasts.month_number > forecasts.last_number - 24
),

intervals as (
    select
        *,
        round({{ gamma_quantile('wins_expected', 'wins_width', '-1.2815515655') }}, 4) as wins_p10,
        round({{ gamma_quantile('wins_expected', 'wins_width', '0') }}, 4) as wins_p50,
        round({{ gamma_quantile('wins_expected', 'wins_width', '1.2815515655') }}, 4) as wins_p90,
        {{ round_money(gamma_quantile('amount_expected', 'amount_width', '-1.2815515655')) }} as amount_p10,
        {{ round_money(gamma_quantile('amount_expected', 'amount_width', '0')) }} as amount_p50,
        {{ round_money(gamma_quantile('amount_expected', 'amount_width', '1.2815515655')) }} as amount_p90
    from spread
)

select
    scope,
    entity_id,
    case when scope = 'branch' then entity_id end as branch_id,
    division_id,
    partner_id,
    month,
    forecast_on,
    horizon,
    ends_on,
    is_over,
    month_number = last_number as is_current,
    cast(open_deals as bigint) as open_deals,
    {{ rounded('wins_open', 4) }} as forecast_wins_open,
    {{ rounded('wins_new', 4) }} as forecast_wins_new,
    {{ rounded('wins_expected', 4) }} as forecast_wins,
    wins_p10 as forecast_wins_p10,
    wins_p50 as forecast_wins_p50,
    wins_p90 as forecast_wins_p90,
    cast(wins as bigint) as actual_wins,
    {{ rounded('wins_expected - wins', 4) }} as forecast_wins_error,
    wins >= wins_p10 and wins <= wins_p90 as is_wins_in_interval,
    cast(wins_before as bigint) as wins_year_before,
    {{ round_money('amount_open') }} as forecast_amount_open,
    {{ round_money('amount_new') }} as forecast_amount_new,
    {{ round_money('amount_expected') }} as forecast_amount,
    amount_p10 as forecast_amount_p10,
    amount_p50 as forecast_amount_p50,
    amount_p90 as forecast_amount_p90,
    cast(amount as {{ money_type() }}) as actual_amount,
    cast({{ round_money('amount_expected') }} - amount as {{ money_type() }}) as forecast_amount_error,
    amount >= amount_p10 and amount <= amount_p90 as is_amount_in_interval,
    cast(amount_before as {{ money_type() }}) as amount_year_before
from intervals
