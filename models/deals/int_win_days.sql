-- One row per deal with a win that counts, with its month and day. A deal is won once, in the first month at whose end it
-- is won. A win reversed in the same month does not count.
with months as (
    select
        deal_id,
        {{ month_of('recognized_on') }} as month,
        min(case when event_type in ('win', 'rewin') then recognized_on end) as won_on,
        sum(case when event_type in ('win', 'rewin') then 1 when event_type in ('reversal', 'cancel') then -1 else 0 end)
            as net_wins
    from {{ ref('int_revenue_events') }}
    group by deal_id, {{ month_of('recognized_on') }}
)

select deal_id, min(month) as month, min(won_on) as won_on
from months
where net_wins > 0
group by deal_id
