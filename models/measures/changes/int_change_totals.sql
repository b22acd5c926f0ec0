-- The figures of both days of a pair, each as known on its day and at the branches of its day.
with pairs as (
    select
        pair, 'from' as side, from_step as step_number, from_window_start as window_start, from_on as window_end, due_by, is_two_periods
    from {{ ref('int_change_pairs') }}
    where missing_reason is null
    union all
    select pair, 'to' as side, to_step as step_number, to_window_start as window_start, to_on as window_end, due_by, is_two_periods
    from {{ ref('int_change_pairs') }}
    where missing_reason is null
),

counted as (
    select pairs.pair, pairs.side, figures.deal_id, figures.event_id, figures.branch_id, figures.measure, figures.amount
    from pairs
    inner join {{ ref('int_deal_figures') }} as figures
        on figures.step_number <= pairs.step_number and figures.next_step > pairs.step_number
    where {{ counts_in('pairs.window_start', 'pairs.window_end') }}
),

placed as (
    {{ at_places('counted', ['deal_id', 'event_id']) }}
)

select
    pair, side, measure, branch_id_current as branch_id, division_id, partner_id, cast(sum(amount) as {{ money_type() }}) as amount
from placed
group by pair, side, measure, branch_id_current, division_id, partner_id
