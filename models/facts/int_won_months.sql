{{ config(schema='intermediate') }}

-- Money and wins of a deal in a month. A win that the same month took back is none; its money nets out by itself.
select
    deal_id,
    branch_id,
    partner_id,
    rep_id,
    channel_class,
    recognized_month as month,
    max(case when event_type = 'win' then 1 else 0 end) = 1
    and sum(
        case
            when event_type in ('win', 'rewin') then 1
            when event_type in ('reversal', 'cancel') then -1
            else 0
        end
    ) > 0 as is_won,
    sum(amount) as amount
from {{ ref('fct_revenue') }}
where is_counted
group by deal_id, branch_id, partner_id, rep_id, channel_class, recognized_month
