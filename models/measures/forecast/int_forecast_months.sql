-- The month ends at which a forecast is made, each with the two horizons: the end of the fiscal quarter and of the fiscal
-- year after it. The first one has a year of data before it.
with months as (
    select
        month,
        month_end,
        {{ month_number('month') }} as month_number,
        {{ fiscal_month('month') }} as fiscal_month,
        min({{ month_number('month') }}) over () as first_number,
        max({{ month_number('month') }}) over () as last_number
    from {{ ref('int_months') }}
    where is_complete
),

horizons as (
    select 'quarter' as horizon, 3 as length
    union all
    select 'year' as horizon, 12 as length
)

select
    months.month,
    months.month_end as forecast_on,
    months.month_number,
    months.first_number,
    months.last_number,
    horizons.horizon,
    months.month_number + horizons.length - mod(months.fiscal_month, horizons.length) as last_forecast_number,
    {{ add_days(add_months('months.month', '1 + horizons.length - mod(months.fiscal_month, horizons.length)'), -1) }} as ends_on
from months
cross join horizons
where months.month_number >= months.first_number + 11
