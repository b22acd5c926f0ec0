-- The months of the monthly marts: from the first one with any event to the current one. Figures as of the end of a
-- month are as of today in the current, incomplete month, because a window up to its end would lack days.
with bounds as (
    select min(first_month) as first_month, {{ month_of('max(as_of)') }} as last_month, max(as_of) as today
    from (
        select min(entered_month) as first_month, cast(null as date) as as_of from {{ ref('fct_stage_entries') }}
        union all
        select min(recognized_month) as first_month, cast(null as date) as as_of from {{ ref('fct_revenue') }}
        union all
        select min(month) as first_month, cast(null as date) as as_of from {{ ref('int_referrals') }}
        union all
        select min(occurred_month) as first_month, cast(null as date) as as_of from {{ ref('fct_activities') }}
        union all
        select {{ month_of('as_of') }} as first_month, as_of from {{ ref('int_as_of') }}
    ) as sides
),

months as (
    {{ date_series('(select first_month from bounds)', '(select last_month from bounds)', 'month', 'month') }}
),

ends as (
    select
        months.month,
        {{ add_days(add_months('months.month', 1), -1) }} as last_day,
        bounds.today,
        {{ add_months('bounds.first_month', 11) }} as first_whole_year
    from months
    cross join bounds
)

select
    month,
    least(last_day, today) as month_end,
    last_day <= today as is_complete,
    -- A window that began before the data is incomplete, too.
    last_day <= today and month >= first_whole_year as has_twelve_months,
    month < first_whole_year as is_first_year
from ends
