-- Money of a deal by day. A win adds its amount, leaving the won stage subtracts it on that day, and returning to it
-- adds it again. Returns, cancellations and adjustments follow as separate events.
with deals as (
    select * from {{ ref('int_deals') }}
),

entries as (
    select * from {{ ref('int_stage_entries') }}
),

-- A second entry to won without leaving it is no second win.
won_entries as (
    select
        deal_id,
        entered_on,
        row_number() over (partition by deal_id order by entered_at) as win_number
    from entries
    where stage = 'won' and previous_stage is distinct from 'won'
),

left_entries as (
    select deal_id, entered_on
    from entries
    where stage != 'won' and previous_stage = 'won'
),

last_entries as (
    select deal_id, stage as last_stage, entered_on as last_entered_on
    from entries
    where is_last
),

lost_wins as (
    select deals.deal_id, reported.won_on, greatest(coalesce(deals.lost_on, reported.left_on), reported.won_on) as reversed_on
    from deals
    inner join {{ ref('int_reported_wins') }} as reported on deals.deal_id = reported.deal_id
    left join last_entries on deals.deal_id = last_entries.deal_id
    where deals.status != 'won' and last_entries.deal_id is null
),

stage_events as (
    select deal_id, case when win_number = 1 then 'win' else 'rewin' end as event_type, entered_on as recognized_on, 1 as sign
    from won_entries
    union all
    select deal_id, 'reversal' as event_type, entered_on as recognized_on, -1 as sign
    from left_entries
    union all
    -- The deal is won, but its history does not end at won: the history is missing or incomplete.
    select
        deals.deal_id,
        case when won_entries.deal_id is null then 'win' else 'rewin' end as event_type,
        case
            when won_entries.deal_id is null then deals.recognized_on
            else greatest(coalesce(deals.closed_on, last_entries.last_entered_on), last_entries.last_entered_on)
        end as recognized_on,
        1 as sign
    from deals
    left join last_entries on deals.deal_id = last_entries.deal_id
    left join won_entries on deals.deal_id = won_entries.deal_id and won_entries.win_number = 1
    where deals.status = 'won' and last_entries.last_stage is distinct from 'won'
    union all
    -- The history ends at won and the deal has another stage: it has left won since.
    select
        deals.deal_id,
        'reversal' as event_type,
        greatest(coalesce(deals.lost_on, last_entries.last_entered_on), last_entries.last_entered_on) as recognized_on,
        -1 as sign
    from deals
    inner join last_entries on deals.deal_id = last_entries.deal_id
    where deals.status != 'won' and last_entries.last_stage = 'won'
    union all
    -- Without a history, the earlier extracts show the win and the day on which it was no longer there.
    select deal_id, 'win' as event_type, won_on as recognized_on, 1 as sign
    from lost_wins
    union all
    select deal_id, 'reversal' as event_type, reversed_on as recognized_on, -1 as sign
    from lost_wins
),

numbered_events as (
    select
        *,
        row_number() over (partition by deal_id, event_type order by recognized_on nulls last) as event_number
    from stage_events
),

amount_events as (
    select
        events.event_id,
        events.deal_id,
        events.event_type,
        events.event_on,
        events.amount_delta,
        upper(coalesce(events.currency, deals.currency)) as currency,
        events.event_on as rate_needed_on
    from {{ ref('stg_deal_amount_events') }} as events
    inner join deals on events.deal_id = deals.deal_id
),

foreign_events as (
    select currency, rate_needed_on from amount_events where currency != '{{ var("base_currency") }}'
),

rates as (
    {{ latest_rates('foreign_events') }}
)

select
    stage_events.deal_id,
    {{ dbt.concat(["stage_events.event_type", "':'", "cast(stage_events.event_number as string)"]) }} as event_id,
    stage_events.event_type,
    stage_events.recognized_on,
    cast(deals.amount * stage_events.sign as {{ money_type() }}) as amount,
    deals.currency,
    deals.amount_in_currency * stage_events.sign as amount_in_currency,
    {{ exact_in_base_currency('deals.amount_in_currency', 'deals.currency', 'deals.base_per_unit') }} * stage_events.sign
        as exact_amount
from numbered_events as stage_events
inner join deals on stage_events.deal_id = deals.deal_id
union all
select
    amount_events.deal_id,
    amount_events.event_id,
    amount_events.event_type,
    amount_events.event_on as recognized_on,
    {{ in_base_currency('amount_events.amount_delta', 'amount_events.currency', 'rates.base_per_unit') }} as amount,
    amount_events.currency,
    amount_events.amount_delta as amount_in_currency,
    {{ exact_in_base_currency('amount_events.amount_delta', 'amount_events.currency', 'rates.base_per_unit') }} as exact_amount
from amount_events
left join rates
    on amount_events.currency = rates.currency and amount_events.rate_needed_on = rates.rate_needed_on
