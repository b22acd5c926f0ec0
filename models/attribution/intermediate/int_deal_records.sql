-- What the figures of a deal follow from, as known now: one row per deal and event of its money, otherwise one row. The
-- next extract is compared with it (int_deal_log). Equal hashes mean equal figures.
with events as (
    select
        deal_id, event_id, recognized_on, coalesce(amount, 0) as amount,
        {{ row_text(['event_id', 'recognized_on', 'coalesce(amount, 0)']) }} as event_text,
        cast(row_number() over (partition by deal_id order by event_id nulls last) as integer) as event_number,
        count(*) over (partition by deal_id) as deal_events
    from {{ ref('int_revenue_events') }}
),

-- Most deals have one event, of which nothing has to be sorted.
money as (
    select
        deal_id,
        {{ joined_texts('event_text', "';'", 'event_id') }} as event_texts
    from events
    where deal_events > 1
    group by deal_id
),

deals as (
    select
        deals.deal_id,
        outcomes.branch_id,
        duplicates.deal_id is null as is_counted,
        days.open_on,
        days.qualified_on,
        days.won_on as first_won_on,
        days.lost_on,
        wins.won_on,
        deals.expected_close_on,
        deals.amount,
        cast(deals.amount_in_currency as decimal(18, 4)) as amount_in_currency,
        deals.currency,
        money.event_texts
    from {{ ref('int_deals') }} as deals
    left join {{ ref('int_deal_outcomes') }} as outcomes on deals.deal_id = outcomes.deal_id
    left join {{ ref('int_duplicate_deals') }} as duplicates on deals.deal_id = duplicates.deal_id
    left join {{ ref('int_stage_days') }} as days on deals.deal_id = days.deal_id
    left join {{ ref('int_win_days') }} as wins on deals.deal_id = wins.deal_id
    left join money on deals.deal_id = money.deal_id
)

select
    deals.deal_id,
    coalesce(events.event_number, 1) as event_number,
    deals.branch_id,
    deals.is_counted,
    deals.open_on,
    deals.qualified_on,
    deals.first_won_on,
    deals.lost_on,
    deals.won_on,
    deals.expected_close_on,
    deals.amount,
    deals.amount_in_currency,
    deals.currency,
    events.event_id,
    events.recognized_on,
    cast(events.amount as {{ money_type() }}) as event_amount,
    -- The same on every engine and version of it, because logs outlive them.
    {{ default__row_hash([
        'deals.branch_id', 'deals.is_counted', 'deals.open_on', 'deals.qualified_on', 'deals.first_won_on', 'deals.lost_on',
        'deals.won_on', 'deals.expected_close_on', 'deals.amount', 'coalesce(deals.event_texts, events.event_text)',
    ]) }} as record_hash
from deals
left join events on deals.deal_id = events.deal_id
