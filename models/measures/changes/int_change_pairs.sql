-- Pairs of days whose figures are compared, each with the extract according to which each day's figure counts: the newest
-- one up to the day. Counts and money are of the window up to the day. It begins on the first day of the fiscal year of
-- the earlier day, for both days; only fiscal_year compares two fiscal years to date. A pair with missing_reason cannot be
-- compared.
with today as (
    select as_of from {{ ref('int_as_of') }}
),

-- All extracts since the first step of the logs.
extracts as (
    select
        days.known_on,
        row_number() over (order by days.known_on desc nulls last) as recency,
        count(*) over () as extracts
    from (select distinct extracted_on as known_on from {{ ref('stg_extracts') }} where dataset is not null) as days
    where days.known_on >= (select min(known_on) from {{ ref('int_branch_log') }})
),

latest as (
    select
        max(case when recency = 1 then known_on end) as known_on,
        max(case when recency = 2 then known_on end) as previous_known_on,
        min(known_on) as first_known_on,
        max(extracts) as extracts
    from extracts
),

days as (
    select 'extract' as pair, least(latest.previous_known_on, today.as_of) as from_on, today.as_of as to_on
    from latest
    cross join today
    union all
    select
        'month_end' as pair,
        {{ add_days(month_of(add_days(month_of(add_days('as_of', 1)), -1)), -1) }} as from_on,
        {{ add_days(month_of(add_days('as_of', 1)), -1) }} as to_on
    from today
    union all
    select 'fiscal_year' as pair, {{ add_months('as_of', -12) }} as from_on, as_of as to_on from today
    union all
    select
        'monday' as pair,
        {{ add_days('as_of', '-7 - ' ~ weekday('as_of')) }} as from_on,
        {{ add_days('as_of', '-' ~ weekday('as_of')) }} as to_on
    from today
    union all
    -- The two days of `make changes`.
    select
        'asked' as pair,
        cast(nullif('{{ var("change_from") }}', '') as date) as from_on,
        least(cast(nullif('{{ var("change_to") }}', '') as date), as_of) as to_on
    from today
    where '{{ var("change_from") }}' != '' and '{{ var("change_to") }}' != ''
),

known as (
    select
        days.pair,
        days.from_on,
        days.to_on,
        case
            when days.pair = 'extract' then latest.previous_known_on
            -- Last year has the figures of the earliest extract, if no extract is old enough.
            when days.pair = 'fiscal_year'
                then coalesce(max(case when extracts.known_on <= days.from_on then extracts.known_on end), latest.first_known_on)
            else max(case when extracts.known_on <= days.from_on then extracts.known_on end)
        end as from_known_on,
        case
            when days.to_on = today.as_of then latest.known_on
            else max(case when extracts.known_on <= days.to_on then extracts.known_on end)
        end as to_known_on,
        latest.known_on as latest_known_on,
        latest.extracts,
        days.pair = 'fiscal_year' as is_two_periods
    from days
    cross join today
    cross join latest
    left join extracts on days.pair is not null
    group by
        days.pair, days.from_on, days.to_on, today.as_of, latest.previous_known_on, latest.first_known_on, latest.known_on,
        latest.extracts
),

steps as (
    select distinct step_number, known_on, step_cause from {{ ref('int_branch_log') }}
),

-- Rules that changed after an extract, without a new one, count as changes since it, except for today's figure.
numbered as (
    select
        known.pair,
        max(case when steps.known_on <= known.from_known_on and steps.step_cause is null then steps.step_number end) as from_step,
        max(
            case
                when known.to_known_on = known.latest_known_on then steps.step_number
                when steps.known_on <= known.to_known_on and steps.step_cause is null then steps.step_number
            end
        ) as to_step
    from known
    cross join steps
    group by known.pair
)

select
    known.pair,
    known.from_on,
    known.to_on,
    known.from_known_on,
    known.to_known_on,
    {{ fiscal_year_start('known.from_on') }} as from_window_start,
    case when known.is_two_periods then {{ fiscal_year_start('known.to_on') }} else {{ fiscal_year_start('known.from_on') }} end
        as to_window_start,
    -- Open deals that should close by this day are due.
    {{ add_days(add_months(fiscal_year_start('known.to_on'), 12), -1) }} as due_by,
    known.is_two_periods,
    numbered.from_step,
    numbered.to_step,
    case
        when known.extracts = 1 then 'ONE_EXTRACT'
        when known.from_known_on is null then 'NO_EXTRACT_YET'
        -- One date may have two extracts: decisions that people send back later do not change the date of today.
        when known.from_on > known.to_on then 'NOT_EARLIER'
        when known.from_known_on = known.to_known_on and numbered.from_step = numbered.to_step then 'SAME_EXTRACT'
    end as missing_reason
from known
inner join numbered on known.pair = numbered.pair
