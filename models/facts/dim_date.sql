-- From the first credit date to the end of the fiscal year after today's.
with bounds as (
    select
        cast({{ dbt.date_trunc('year', 'min(first_day)') }} as date) as first_day,
        {{ add_months(dbt.date_trunc('year', 'max(last_day)'), 39) }} as last_day
    from (
        select min(credit_on) as first_day, max(credit_on) as last_day
        from {{ ref('int_deals') }}
        union all
        select as_of as first_day, as_of as last_day from {{ ref('int_as_of') }}
    ) as days
),

days as (
    {{ date_series('(select first_day from bounds)', '(select last_day from bounds)', 'day', 'date_day') }}
),

calendar as (
    select
        days.date_day,
        {{ month_of('days.date_day') }} as month,
        {{ fiscal_year('days.date_day') }} as fiscal_year,
        {{ fiscal_half('days.date_day') }} as fiscal_half,
        {{ fiscal_quarter('days.date_day') }} as fiscal_quarter,
        {{ fiscal_month('days.date_day') }} as fiscal_month,
        holidays.holiday_name,
        holidays.local_holiday_name,
        case
            when {{ is_weekend('days.date_day') }} or holidays.holiday_on is not null then 0
            when {{ is_closed_day('days.date_day') }} then 0
            else 1
        end as business_days
    from days
    left join {{ ref('holidays') }} as holidays on days.date_day = holidays.holiday_on
)

select
    date_day,
    month,
    fiscal_year,
    fiscal_half,
    fiscal_quarter,
    fiscal_month,
    {{ dbt.concat(["cast(fiscal_year as " ~ dbt.type_string() ~ ")", "'年度'"]) }} as fiscal_year_ja,
    case fiscal_half when 'H1' then '上期' else '下期' end as fiscal_half_ja,
    {{ dbt.concat(["replace(fiscal_quarter, 'Q', '第')", "'四半期'"]) }} as fiscal_quarter_ja,
    holiday_name,
    local_holiday_name,
    business_days = 1 as is_business_day,
    cast(sum(business_days) over (
        partition by month order by date_day rows between unbounded preceding and current row
    ) as integer) as business_days_to_date,
    cast(sum(business_days) over (partition by month) as integer) as business_days_in_month
from calendar
