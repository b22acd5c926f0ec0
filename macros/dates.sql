{# The day on which a UTC moment falls in the business time zone. #}
{% macro business_date(moment) -%}
    {{ return(adapter.dispatch('business_date')(moment)) }}
{%- endmacro %}

{% macro default__business_date(moment) -%}
    cast(({{ moment }} at time zone 'UTC') at time zone '{{ var("business_timezone") }}' as date)
{%- endmacro %}

{# Japan has one fixed offset all year: adding hours saves a look-up in the time zone tables for every row. #}
{% macro duckdb__business_date(moment) -%}
    {%- if var("business_timezone") == "Asia/Tokyo" -%}
    cast({{ moment }} + interval 9 hour as date)
    {%- else -%}
    {{ default__business_date(moment) }}
    {%- endif -%}
{%- endmacro %}

{# Independent of the session's time zone, which profiles.yml sets to UTC. #}
{% macro spark__business_date(moment) -%}
    cast(convert_timezone('UTC', '{{ var("business_timezone") }}', {{ moment }}) as date)
{%- endmacro %}

{# Bounds of intervals that have no known start or end. Intervals are half-open: [valid_from, valid_to). #}
{% macro since_ever() -%} cast('1900-01-01' as date) {%- endmacro %}

{% macro for_ever() -%} cast('9999-12-31' as date) {%- endmacro %}

{# Number of days for "has not happened yet" in a median of days, longer than any real wait. A median of half of it or
   more means that fewer than half of the events have happened. #}
{% macro not_yet() -%} 100000 {%- endmacro %}

{% macro is_within(day, valid_from, valid_to) -%}
    {{ valid_from }} <= {{ day }} and {{ day }} < {{ valid_to }}
{%- endmacro %}

{# The first of several days, of which some may be null: engines differ in how they treat nulls. #}
{% macro earliest(days) -%}
    nullif(least({% for day in days %}coalesce({{ day }}, {{ for_ever() }}){{ ', ' if not loop.last }}{% endfor %}), {{ for_ever() }})
{%- endmacro %}

{% macro month_of(day) -%}
    cast({{ dbt.date_trunc('month', day) }} as date)
{%- endmacro %}

{% macro add_days(day, days) -%}
    {{ return(adapter.dispatch('add_days')(day, days)) }}
{%- endmacro %}

{% macro default__add_days(day, days) -%}
    cast({{ dbt.dateadd('day', days, day) }} as date)
{%- endmacro %}

{% macro spark__add_days(day, days) -%}
    date_add({{ day }}, {{ days }})
{%- endmacro %}

{% macro add_months(day, months) -%}
    {{ return(adapter.dispatch('add_months')(day, months)) }}
{%- endmacro %}

{% macro default__add_months(day, months) -%}
    cast({{ dbt.dateadd('month', months, day) }} as date)
{%- endmacro %}

{# Unlike dbt's own macro, it keeps the day visible as a hash key of the join. #}
{% macro spark__add_months(day, months) -%}
    add_months({{ day }}, {{ months }})
{%- endmacro %}

{# Whole days from one date to another. #}
{% macro days_between(first, last) -%}
    {{ return(adapter.dispatch('days_between')(first, last)) }}
{%- endmacro %}

{% macro default__days_between(first, last) -%}
    {{ dbt.datediff(first, last, 'day') }}
{%- endmacro %}

{% macro duckdb__days_between(first, last) -%}
    date_diff('day', {{ first }}, {{ last }})
{%- endmacro %}

{% macro spark__days_between(first, last) -%}
    datediff({{ last }}, {{ first }})
{%- endmacro %}

{# One row per `part` (day or month) from the date `first` to the date `last`, both included, as column `column_name`. #}
{% macro date_series(first, last, part, column_name) -%}
    {{ return(adapter.dispatch('date_series')(first, last, part, column_name)) }}
{%- endmacro %}

{% macro default__date_series(first, last, part, column_name) -%}
    select cast(series.moment as date) as {{ column_name }}
    from generate_series(
        cast({{ first }} as timestamp), cast({{ last }} as timestamp), interval '1 {{ part }}'
    ) as series (moment)
{%- endmacro %}

{# DuckDB accepts no subquery as an argument of a table function, but it can unnest a list that a subquery returns. #}
{% macro duckdb__date_series(first, last, part, column_name) -%}
    select cast(unnest(generate_series({{ first }}, {{ last }}, interval 1 {{ part }})) as date) as {{ column_name }}
{%- endmacro %}

{% macro spark__date_series(first, last, part, column_name) -%}
    select explode(sequence(bounds.first_day, bounds.last_day, interval 1 {{ part }})) as {{ column_name }}
    from (select {{ first }} as first_day, {{ last }} as last_day) as bounds
{%- endmacro %}

{% macro fiscal_year(day) -%}
    cast(extract(year from {{ add_months(day, 1 - var('fiscal_year_start_month')) }}) as integer)
{%- endmacro %}

{# First day of the fiscal year of a day. #}
{% macro fiscal_year_start(day) -%}
    {{ add_months(month_of(day), '1 - ' ~ fiscal_month(day)) }}
{%- endmacro %}

{# Month 1 to 12 of the fiscal year. #}
{% macro fiscal_month(day) -%}
    cast(extract(month from {{ add_months(day, 1 - var('fiscal_year_start_month')) }}) as integer)
{%- endmacro %}

{% macro fiscal_half(day) -%}
    case when {{ fiscal_month(day) }} <= 6 then 'H1' else 'H2' end
{%- endmacro %}

{% macro fiscal_quarter(day) -%}
    case
        when {{ fiscal_month(day) }} <= 3 then 'Q1'
        when {{ fiscal_month(day) }} <= 6 then 'Q2'
        when {{ fiscal_month(day) }} <= 9 then 'Q3'
        else 'Q4'
    end
{%- endmacro %}

{# Days since the last Monday: 0 on a Monday. 1 January 1900 was one. #}
{% macro weekday(day) -%}
    mod({{ days_between("cast('1900-01-01' as date)", day) }}, 7)
{%- endmacro %}

{# Saturday or Sunday. #}
{% macro is_weekend(day) -%}
    {{ weekday(day) }} >= 5
{%- endmacro %}

{# A day of each year on which the company is closed besides public holidays. #}
{% macro is_closed_day(day) -%}
    {%- set days = ['0'] + var('company_closed_days') -%}
    100 * extract(month from {{ day }}) + extract(day from {{ day }})
    in ({% for day in days %}{{ day | replace('-', '') | int }}{{ ', ' if not loop.last }}{% endfor %})
{%- endmacro %}

{# Whether a period is over. The day is the first one of the next period. #}
{% macro is_over(next_first_day) -%}
    {{ next_first_day }} <= (select {{ add_days('as_of', 1) }} from {{ ref('int_as_of') }})
{%- endmacro %}

{# Fiscal halves or quarters of the marts, with their first and last month and the first month of the next. Flags show
   whether the twelve months up to the last one are recorded and over, and whether all months of the period are. #}
{% macro fiscal_periods(period) -%}
    {%- set name = {'half': fiscal_half('month'), 'quarter': fiscal_quarter('month')}[period] -%}
    select
        {{ fiscal_year('month') }} as fiscal_year,
        {{ name }} as fiscal_{{ period }},
        min(month) as first_month,
        max(month) as last_month,
        {{ add_months('max(month)', 1) }} as next_month,
        coalesce(max(case when has_twelve_months then month end) = max(month), false) as has_twelve_months,
        sum(case when is_complete then 1 else 0 end) = {{ {'half': 6, 'quarter': 3}[period] }} as is_complete
    from {{ ref('int_months') }}
    group by {{ fiscal_year('month') }}, {{ name }}
{%- endmacro %}

{# Months are counted, so that the distance of two months is their difference. #}
{% macro month_number(day) -%}
    cast(12 * extract(year from {{ day }}) + extract(month from {{ day }}) as integer)
{%- endmacro %}
