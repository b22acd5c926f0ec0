-- What each record of a deal adds to a figure: one row per record and measure, for money one per event. A count or money of a day
-- belongs to the window that contains the day. An open deal counts while it is open, and as due if it should close in time.
-- happened_on is the day of the event. A record is valid from its step of the log to the next record of the deal.
with superseded as (
    select distinct deal_id, previous_step_number as step_number, step_number as next_step
    from {{ ref('int_deal_log') }}
    where previous_step_number is not null
),

records as (
    select
        logged.*,
        coalesce(superseded.next_step, {{ not_yet() }}) as next_step,
        -- A deal joins its cohort when it is old enough.
        {{ add_days('logged.open_on', var('cohort_mature_days')) }} as mature_on
    from {{ ref('int_deal_log') }} as logged
    left join superseded on logged.deal_id = superseded.deal_id and logged.step_number = superseded.step_number
    where logged.is_counted
),

measures as (
    select 'deals_new' as measure, 'flow' as kind
    union all
    select 'deals_qualified' as measure, 'flow' as kind
    union all
    select 'deals_won' as measure, 'flow' as kind
    union all
    select 'deals_lost' as measure, 'flow' as kind
    union all
    select 'cohort_deals' as measure, 'flow' as kind
    union all
    select 'cohort_qualified' as measure, 'flow' as kind
    union all
    select 'cohort_won' as measure, 'flow' as kind
    union all
    select 'open_deals' as measure, 'open' as kind
    union all
    select 'pipeline_amount' as measure, 'open' as kind
    union all
    select 'pipeline_due' as measure, 'due' as kind
),

-- A deal without a day has no such figure.
of_deals as (
    select
        records.deal_id,
        records.step_number,
        records.next_step,
        records.branch_id,
        measures.measure,
        measures.kind,
        case
            when measures.measure = 'deals_new' then records.open_on
            when measures.measure = 'deals_qualified' then records.qualified_on
            when measures.measure = 'deals_won' then records.won_on
            when measures.measure = 'deals_lost' then records.lost_on
            when measures.measure = 'cohort_deals' then records.mature_on
            when measures.measure = 'cohort_qualified' and records.qualified_on is not null
                then greatest(records.mature_on, records.qualified_on)
            when measures.measure = 'cohort_won' and records.first_won_on is not null
                then greatest(records.mature_on, records.first_won_on)
            when measures.kind != 'flow' and records.first_won_on is null and records.lost_on is null and records.open_on is not null
                then coalesce(records.expected_close_on, {{ for_ever() }})
        end as day,
        case when measures.kind != 'flow' then records.open_on end as opened_on,
        case
            when measures.measure in ('pipeline_amount', 'pipeline_due') then coalesce(records.amount, cast(0 as {{ money_type() }}))
            else cast(1 as {{ money_type() }})
        end as amount
    from records
    cross join measures
    where records.event_number = 1
)

select
    deal_id, step_number, next_step, branch_id, measure, kind, '' as event_id, day, coalesce(opened_on, day) as happened_on, amount
from of_deals
where day is not null
union all
select
    deal_id, step_number, next_step, branch_id, 'won_amount' as measure, 'flow' as kind, event_id, recognized_on as day,
    recognized_on as happened_on, event_amount as amount
from records
where event_id is not null
