-- The days as of which plans are read: today, and the close of each fiscal quarter, half and year, month_close_days after its end.
-- Of a period, only the extracts up to its close count, so that a later extract changes nothing about it. Where no extract came
-- between its end and its close, the first one after it counts. step_number is the step of the logs of deals and branches.
with months as (
    select
        month, {{ fiscal_year('month') }} as fiscal_year, {{ fiscal_half('month') }} as fiscal_half,
        {{ fiscal_quarter('month') }} as fiscal_quarter
    from {{ ref('int_months') }}
    where is_complete
),

plans as (
    select distinct period_start, period_end
    from {{ ref('stg_account_plans') }}
    where period_start = {{ month_of('period_start') }} and period_end = {{ add_days(add_months('period_start', 12), -1) }}
),

-- A plan of twelve months that does not follow the fiscal year has halves and a year of its own.
periods as (
    select 'quarter' as period_type, min(month) as period_start, 3 as months from months group by fiscal_year, fiscal_quarter
    union
    select 'half' as period_type, min(month) as period_start, 6 as months from months group by fiscal_year, fiscal_half
    union
    select 'year' as period_type, min(month) as period_start, 12 as months from months group by fiscal_year
    union
    select 'half' as period_type, period_start, 6 as months from plans
    union
    select 'half' as period_type, {{ add_months('period_start', 6) }} as period_start, 6 as months from plans
    union
    select 'year' as period_type, period_start, 12 as months from plans
),

closes as (
    select
        periods.period_type,
        periods.period_start,
        {{ add_days(add_months('periods.period_start', 'periods.months'), -1) }} as period_end,
        {{ add_days(add_months('periods.period_start', 'periods.months'), var('month_close_days') - 1) }} as closed_on
    from periods
    inner join months
        on
            months.month >= periods.period_start
            and months.month < {{ add_months('periods.period_start', 'periods.months') }}
    group by periods.period_type, periods.period_start, periods.months
    having count(*) = periods.months
),

steps as (
    select step_number, min(known_on) as known_on
    from {{ ref('int_branch_log') }}
    where step_cause is null
    group by step_number
),

-- Rules that changed after an extract count as changes since the close.
numbered as (
    select
        closes.period_type, closes.period_start, closes.period_end, closes.closed_on,
        coalesce(
            max(case when steps.known_on >= closes.period_end and steps.known_on <= closes.closed_on then steps.step_number end),
            min(case when steps.known_on > closes.closed_on then steps.step_number end)
        ) as step_number
    from closes
    cross join steps
    cross join {{ ref('int_as_of') }} as today
    where closes.closed_on <= today.as_of
    group by closes.period_type, closes.period_start, closes.period_end, closes.closed_on
)

select
    {{ dbt.concat([
        'numbered.period_type', "' '", 'cast(numbered.period_start as string)', "' '", 'cast(numbered.period_end as string)'
    ]) }} as book,
    numbered.period_type,
    numbered.period_start,
    numbered.period_end,
    numbered.closed_on as as_of,
    greatest(numbered.closed_on, steps.known_on) as known_until,
    steps.known_on,
    numbered.step_number
from numbered
inner join steps on numbered.step_number = steps.step_number
union all
select
    'today' as book,
    'today' as period_type,
    cast(null as date) as period_start,
    cast(null as date) as period_end,
    as_of,
    {{ for_ever() }} as known_until,
    as_of as known_on,
    cast(null as integer) as step_number
from {{ ref('int_as_of') }}
