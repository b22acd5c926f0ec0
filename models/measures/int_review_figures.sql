-- Counts and money of each period as known at its close, by the branch at which a deal counted then, and the deals that were open
-- at its end. The figures come from the log of what each extract said about the deals.
with books as (
    select book as pair, 'close' as side, step_number, period_start, period_end
    from {{ ref('int_plan_books') }}
    where book != 'today'
),

figures as (
    select books.pair, books.side, figures.deal_id, figures.event_id, figures.branch_id, figures.measure, figures.amount
    from {{ ref('int_deal_figures') }} as figures
    inner join books
        on
            figures.step_number <= books.step_number and figures.next_step > books.step_number
            and figures.happened_on <= books.period_end
            and (figures.kind != 'flow' or figures.day >= books.period_start)
    where figures.measure in ('deals_new', 'deals_qualified', 'deals_won', 'deals_lost', 'won_amount', 'open_deals', 'pipeline_amount')
),

-- Money is divided by event where a branch was split. Everything else is added up first.
counted as (
    select
        pair, side, branch_id, measure,
        case when measure = 'won_amount' then deal_id end as deal_id,
        case when measure = 'won_amount' then event_id end as event_id,
        cast(sum(amount) as {{ money_type() }}) as amount
    from figures
    group by
        pair, side, branch_id, measure,
        case when measure = 'won_amount' then deal_id end, case when measure = 'won_amount' then event_id end
),

placed as (
    {{ at_places('counted', ['deal_id', 'event_id'], ref('int_review_places')) }}
)

select
    pair as book, measure, branch_id_current as branch_id, division_id, partner_id,
    cast(sum(amount) as {{ money_type() }}) as amount
from placed
group by pair, measure, branch_id_current, division_id, partner_id
