-- What each deal adds to the change of a figure between the two days of a pair, and why. The change is computed in three steps,
-- each of which begins where the one before ended, so that the parts add up. (1) The earlier day's figures move to the later
-- organisation. (2) The window grows to the later day. (3) Each record of a deal replaces the one before it. The pair fiscal_year
-- has step 3 before step 2: last year's records are brought up to date, then this year takes the place of last year.
with pairs as (
    select * from {{ ref('int_change_pairs') }} where missing_reason is null
),

figures as (
    select * from {{ ref('int_deal_figures') }}
),

moved_branches as (
    select distinct earlier.pair, earlier.branch_id
    from {{ ref('int_change_places') }} as earlier
    inner join {{ ref('int_change_places') }} as later on earlier.pair = later.pair and earlier.branch_id = later.branch_id
    where earlier.side = 'from' and later.side = 'to' and earlier.place_text != later.place_text
),

reorganised as (
    select
        pairs.pair, figures.deal_id, figures.step_number, figures.measure, figures.event_id, figures.branch_id, figures.amount
    from pairs
    inner join moved_branches on pairs.pair = moved_branches.pair
    inner join figures
        on
            moved_branches.branch_id = figures.branch_id
            and figures.step_number <= pairs.from_step
            and figures.next_step > pairs.from_step
    where {{ counts_in('pairs.from_window_start', 'pairs.from_on') }}
),

-- Step 2: what belongs to the days by which the two windows differ.
other_days as (
    select
        pairs.pair, figures.deal_id, figures.step_number, figures.measure, figures.event_id, figures.branch_id,
        case when pairs.is_two_periods then 'PERIOD' else 'HAPPENED' end as reason,
        cast(
            case
                when figures.day >= pairs.to_window_start and figures.day <= pairs.to_on then figures.amount
                else {{ negative('figures.amount') }}
            end
            as {{ money_type() }}
        ) as amount
    from pairs
    inner join figures
        on
            figures.step_number <= case when pairs.is_two_periods then pairs.to_step else pairs.from_step end
            and figures.next_step > case when pairs.is_two_periods then pairs.to_step else pairs.from_step end
    where
        figures.kind = 'flow'
        and (figures.day >= pairs.from_window_start and figures.day <= pairs.from_on)
        != (figures.day >= pairs.to_window_start and figures.day <= pairs.to_on)
),

-- Records that took the place of another one, or are the first of their deal.
replaced as (
    select
        pairs.*,
        logged.deal_id,
        logged.step_number,
        logged.previous_step_number,
        logged.branch_id,
        coalesce(logged.step_cause, logged.branch_cause, 'SOURCE_EDIT') as branch_reason,
        logged.step_cause,
        case when logged.is_counted then {{ earliest(['logged.first_won_on', 'logged.lost_on']) }} end as ended_on,
        -- The same amount in its own currency, at another rate.
        logged.currency = earlier.currency and logged.amount_in_currency = earlier.amount_in_currency
        and (logged.amount is distinct from earlier.amount) as is_other_rate,
        -- The window in which records are compared.
        case when pairs.is_two_periods then pairs.from_on else pairs.to_on end as window_end
    from pairs
    inner join {{ ref('int_deal_log') }} as logged
        on logged.event_number = 1 and logged.step_number > pairs.from_step and logged.step_number <= pairs.to_step
    left join {{ ref('int_deal_log') }} as earlier
        on
            logged.deal_id = earlier.deal_id
            and logged.previous_step_number = earlier.step_number
            and earlier.event_number = 1
),

sides as (
    select
        pairs.pair, pairs.deal_id, pairs.step_number, figures.measure, figures.event_id, figures.branch_id as branch_before,
        figures.day as day_before, {{ counted_amount('pairs.from_window_start', 'pairs.window_end') }} as amount_before,
        cast(null as date) as day_after, cast(null as date) as happened_on, cast(null as {{ money_type() }}) as amount_after
    from replaced as pairs
    inner join figures on pairs.deal_id = figures.deal_id and pairs.previous_step_number = figures.step_number
    union all
    select
        pairs.pair, pairs.deal_id, pairs.step_number, figures.measure, figures.event_id, cast(null as string) as branch_before,
        cast(null as date) as day_before, cast(null as {{ money_type() }}) as amount_before,
        figures.day as day_after, figures.happened_on,
        {{ counted_amount('pairs.from_window_start', 'pairs.window_end') }} as amount_after
    from replaced as pairs
    inner join figures on pairs.deal_id = figures.deal_id and pairs.step_number = figures.step_number
    where pairs.previous_step_number is not null
),

-- The first record of a deal has no record before it.
begun as (
    select
        pairs.pair, pairs.deal_id, pairs.step_number, figures.measure, figures.event_id, pairs.branch_id,
        case
            when pairs.step_cause is not null then pairs.step_cause
            when figures.happened_on >= pairs.from_known_on then 'HAPPENED'
            else 'RECORDED_LATE'
        end as reason,
        {{ counted_amount('pairs.from_window_start', 'pairs.window_end') }} as amount
    from replaced as pairs
    inner join figures on pairs.deal_id = figures.deal_id and pairs.step_number = figures.step_number
    where pairs.previous_step_number is null
),

-- The figure of the record before next to the one of the record after. Null where there is none.
compared as (
    select
        pair, deal_id, step_number, measure, event_id, max(branch_before) as branch_before, max(day_before) as day_before,
        cast(max(amount_before) as {{ money_type() }}) as amount_before, max(day_after) as day_after, max(happened_on) as happened_on,
        cast(max(amount_after) as {{ money_type() }}) as amount_after
    from sides
    group by pair, deal_id, step_number, measure, event_id
),

reasoned as (
    select
        compared.pair, compared.deal_id, compared.step_number, compared.measure, compared.event_id, compared.branch_before,
        replaced.branch_id,
        replaced.branch_reason,
        coalesce(compared.amount_before, cast(0 as {{ money_type() }})) as amount_before,
        coalesce(compared.amount_after, cast(0 as {{ money_type() }})) as amount_after,
        case
            when replaced.step_cause is not null then replaced.step_cause
            when compared.amount_before is null
                then case when compared.happened_on >= replaced.from_known_on then 'HAPPENED' else 'RECORDED_LATE' end
            when compared.amount_after is null
                then
                    case
                        when
                            compared.measure in ('open_deals', 'pipeline_amount', 'pipeline_due')
                            and replaced.ended_on >= replaced.from_known_on
                            then 'HAPPENED'
                        else 'REMOVED'
                    end
            when compared.day_before != compared.day_after and (compared.amount_before = 0 or compared.amount_after = 0) then 'DATE'
            when replaced.is_other_rate then 'FX_RATE'
            else 'AMOUNT'
        end as reason
    from compared
    inner join replaced
        on compared.pair = replaced.pair and compared.deal_id = replaced.deal_id and compared.step_number = replaced.step_number
)

select
    pair, deal_id, step_number, measure, event_id, 'SUCCESSION' as reason, 'from' as side, branch_id, branch_id as other_branch_id,
    true as is_before, {{ negative('amount') }} as amount
from reorganised
union all
select
    pair, deal_id, step_number, measure, event_id, 'SUCCESSION' as reason, 'to' as side, branch_id, branch_id as other_branch_id,
    false as is_before, cast(amount as {{ money_type() }}) as amount
from reorganised
union all
select
    pair, deal_id, step_number, measure, event_id, reason, 'to' as side, branch_id, cast(null as string) as other_branch_id,
    false as is_before, cast(amount as {{ money_type() }}) as amount
from other_days
union all
select
    pair, deal_id, step_number, measure, event_id, reason, 'to' as side, branch_id, cast(null as string) as other_branch_id,
    false as is_before, cast(amount as {{ money_type() }}) as amount
from begun
where amount != 0
union all
-- A deal that moved to another branch takes its figure of before with it.
select
    pair, deal_id, step_number, measure, event_id, branch_reason as reason, 'to' as side, branch_before as branch_id,
    branch_id as other_branch_id, true as is_before, {{ negative('amount_before') }} as amount
from reasoned
where branch_before != branch_id and amount_before != 0
union all
select
    pair, deal_id, step_number, measure, event_id, branch_reason as reason, 'to' as side, branch_id, branch_before as other_branch_id,
    false as is_before, cast(amount_before as {{ money_type() }}) as amount
from reasoned
where branch_before != branch_id and amount_before != 0
union all
select
    pair, deal_id, step_number, measure, event_id, reason, 'to' as side, branch_id, cast(null as string) as other_branch_id,
    true as is_before, {{ negative('amount_before') }} as amount
from reasoned
where amount_before != 0 and amount_before != amount_after
union all
select
    pair, deal_id, step_number, measure, event_id, reason, 'to' as side, branch_id, cast(null as string) as other_branch_id,
    false as is_before, cast(amount_after as {{ money_type() }}) as amount
from reasoned
where amount_after != 0 and amount_before != amount_after
