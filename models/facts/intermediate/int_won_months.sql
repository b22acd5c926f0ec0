-- Money and wins of a counted deal in a month. Money of a win that was reversed in the same month nets out.
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
        cast(sum(amount) as {{ money_type() }}) as amount
    from {{ ref('fct_revenue') }}
    where is_counted
    group by deal_id, branch_id, branch_version_id, partner_id, rep_id, channel_class, channel, recognized_month
)

select
    months.deal_id,
    months.branch_id,
    months.branch_version_id,
    months.partner_id,
    months.rep_id,
    months.channel_class,
    months.channel,
    months.month,
    wins.deal_id is not null as is_won,
    months.amount
from months
left join {{ ref('int_win_days') }} as wins on months.deal_id = wins.deal_id and months.month = wins.month
