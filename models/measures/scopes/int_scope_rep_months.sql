-- Figures of reps in a month, for every scope and both organisations. All unknown reps have the id NONE.
with activity as (
    select
        cast(null as {{ dbt.type_string() }}) as organisation, branch_version_id, rep_id, month,
        deals_new, referrals, 0 as deals_won, cast(0 as {{ money_type() }}) as won_amount
    from {{ ref('int_rep_months') }}
    where deals_new > 0 or referrals > 0
    union all
    select organisation, branch_version_id, rep_id, month, 0 as deals_new, 0 as referrals, deals_won, won_amount
    from {{ ref('int_rep_credit') }}
)

select
    bridge.scope_key,
    activity.rep_id,
    activity.month,
    sum(activity.deals_new) as deals_new,
    sum(activity.referrals) as referrals,
    sum(activity.deals_won) as deals_won,
    sum(activity.won_amount) as won_amount
from activity
inner join {{ ref('int_scope_bridge') }} as bridge
    on
        activity.branch_version_id = bridge.branch_version_id
        and coalesce(activity.organisation, bridge.organisation) = bridge.organisation
group by bridge.scope_key, activity.rep_id, activity.month
