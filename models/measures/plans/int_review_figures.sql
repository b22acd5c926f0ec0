-- Counts and money of each period as known at its close, by the branch at which a deal counted then, and the deals that were open
-- at its end. The figures come from the log of what each extract said about the deals.
with books as (
    select book as pair, 'close' as side, period_type, step_number, period_start, period_end
    from {{ ref('int_plan_books') }}
    where book != 'today'
),

book_months as (
    select books.pair, books.side, books.step_number, months.month
    from books
    inner join {{ ref('int_months') }} as months on months.month >= books.period_start and months.month <= books.period_end
),

-- Money is divided by event where a branch was split. Everything else is added up first.
flows as (
    select
        figures.branch_id, figures.measure, figures.step_number, figures.next_step, {{ month_of('figures.day') }} as month,
        case when figures.measure = 'won_amount' then figures.deal_id end as deal_id,
        case when figures.measure = 'won_amount' then figures.event_id end as event_id,
        sum(figures.amount) as amount
    from {{ ref('int_deal_figures') }} as figures
    where figures.measure in ('deals_new', 'deals_qualified', 'deals_won', 'deals_lost', 'won_amount')
    group by
        figures.branch_id, figures.measure, figures.step_number, figures.next_step, {{ month_of('figures.day') }},
        case when figures.measure = 'won_amount' then figures.deal_id end,
        case when figures.measure = 'won_amount' then figures.event_id end
),

open_deals as (
    select books.pair, books.side, figures.branch_id, figures.measure, sum(figures.amount) as amount
    from books
    inner join {{ ref('int_deal_figures') }} as figures
        on
            books.period_type = 'quarter'
            and figures.step_number <= books.step_number and figures.next_step > books.step_number
            and figures.happened_on <= books.period_end
    where figures.measure in ('open_deals', 'pipeline_amount')
    group by books.pair, books.side, figures.branch_id, figures.measure
),

counted as (
    select
        months.pair, months.side, flows.branch_id, flows.measure, flows.deal_id, flows.event_id,
        cast(sum(flows.amount) as {{ money_type() }}) as amount
    from flows
    inner join book_months as months
        on flows.month = months.month and flows.step_number <= months.step_number and flows.next_step > months.step_number
    group by months.pair, months.side, flows.branch_id, flows.measure, flows.deal_id, flows.event_id
    union all
    select
        pair, side, branch_id, measure, cast(null as string) as deal_id, cast(null as string) as event_id,
        cast(amount as {{ money_type() }}) as amount
    from open_deals
),

placed as (
    {{ at_places('counted', ['deal_id', 'event_id'], ref('int_review_places')) }}
)

select
    pair as book, measure, branch_id_current as branch_id, division_id, partner_id,
    cast(sum(amount) as {{ money_type() }}) as amount
from placed
group by pair, measure, branch_id_current, division_id, partner_id
