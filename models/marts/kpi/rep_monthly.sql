-- Activity of a rep at the branch as it was credited then: a rep who moved has rows under both branches.
with new_deals as (
    select rep_id, branch_id, partner_id, entered_month as month, count(*) as deals_new
    from {{ ref('fct_stage_entries') }}
    where stage = 'open' and is_counted
    group by rep_id, branch_id, partner_id, entered_month
),

won as (
    select
        rep_id, branch_id, partner_id, month,
        sum(case when is_won then 1 else 0 end) as deals_won,
        sum(amount) as won_amount
    from {{ ref('int_won_months') }}
    group by rep_id, branch_id, partner_id, month
)

select
    coalesce(new_deals.rep_id, won.rep_id) as rep_id,
    coalesce(new_deals.branch_id, won.branch_id) as branch_id,
    coalesce(new_deals.partner_id, won.partner_id) as partner_id,
    coalesce(new_deals.month, won.month) as month,
    coalesce(new_deals.deals_new, 0) as deals_new,
    cast(coalesce(won.deals_won, 0) as bigint) as deals_won,
    cast(coalesce(won.won_amount, 0) as {{ money_type() }}) as won_amount
from new_deals
full outer join won
    on
        new_deals.rep_id = won.rep_id
        and new_deals.branch_id = won.branch_id
        and new_deals.partner_id = won.partner_id
        and new_deals.month = won.month
