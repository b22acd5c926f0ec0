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
)

select
    date_day,
    {{ month_of('date_day') }} as month,
    {{ fiscal_year('date_day') }} as fiscal_year,
    {{ fiscal_half('date_day') }} as fiscal_half,
    {{ fiscal_quarter('date_day') }} as fiscal_quarter
from days
