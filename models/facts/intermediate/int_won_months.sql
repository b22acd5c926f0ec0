-- Money and wins of a deal in a month. A deal is won once, in the first month at whose end it is won. A win reversed in
-- the same month does not count; its money nets out.
with months as (
    select
        deal_id,
        branch_id,
        branch_version_id,
        partner_id,
        rep_id,
        channel_class,
        channel,
        recognized_month as month,
        sum(
            case
                when event_type in ('win', 'rewin') then 1
                when event_type in ('reversal', 'cancel') then -1
                else 0
            end
        ) as net_wins,
        cast(sum(amount) as {{ money_type() }}) as amount
    from {{ ref('fct_revenue') }}
    where is_counted
    group by deal_id, branch_id, branch_version_id, partner_id, rep_id, channel_class, channel, recognized_month
)

select
    deal_id,
    branch_id,
    branch_version_id,
    partner_id,
    rep_id,
    channel_class,
    channel,
    month,
    net_wins > 0
    and row_number() over (partition by deal_id, case when net_wins > 0 then 1 else 0 end order by month) = 1 as is_won,
    amount
from months
