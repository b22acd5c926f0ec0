-- The figures of a rep in a month at the branch credited at the time. A rep who moved has rows under both branches.
with activity as (
    select
        rep_id, branch_id, branch_version_id, partner_id, entered_month as month,
        1 as deals_new, 0 as referrals, 0 as deals_won, cast(null as {{ money_type() }}) as won_amount
    from {{ ref('fct_stage_entries') }}
    where stage = 'open' and is_counted
    union all
    select
        rep_id, branch_id, branch_version_id, partner_id, month,
        0 as deals_new, 1 as referrals, 0 as deals_won, cast(null as {{ money_type() }}) as won_amount
    from {{ ref('int_referrals') }}
    union all
    select
        rep_id, branch_id, branch_version_id, partner_id, month,
        0 as deals_new, 0 as referrals, case when is_won then 1 else 0 end as deals_won, amount as won_amount
    from {{ ref('int_won_months') }}
)

select
    rep_id,
    branch_id,
    branch_version_id,
    partner_id,
    month,
    sum(deals_new) as deals_new,
    sum(referrals) as referrals,
    sum(deals_won) as deals_won,
    cast(coalesce(sum(won_amount), 0) as {{ money_type() }}) as won_amount
from activity
group by rep_id, branch_id, branch_version_id, partner_id, month
