-- Wins and money of reps in a month for either organisation. As was, both are at the branch that was credited. As is,
-- wins are also at the credited branch, which int_scope_bridge maps to the successor with the largest share. As-is
-- money is already divided among today's branches by their shares.
with won as (
    select
        branch_version_id, rep_id, channel_class, month,
        sum(case when is_won then 1 else 0 end) as deals_won,
        cast(sum(amount) as {{ money_type() }}) as won_amount
    from {{ ref('int_won_months') }}
    group by branch_version_id, rep_id, channel_class, month
),

current_money as (
    select
        versions.branch_version_id, deals.rep_id, deals.channel_class, {{ month_of('credit.recognized_on') }} as month,
        cast(sum(credit.amount) as {{ money_type() }}) as won_amount
    from {{ ref('current_credit') }} as credit
    inner join {{ ref('fct_deals') }} as deals on credit.deal_id = deals.deal_id
    inner join {{ ref('int_branch_versions') }} as versions
        on credit.branch_id_current = versions.branch_id and versions.is_current
    where credit.is_counted
    group by versions.branch_version_id, deals.rep_id, deals.channel_class, {{ month_of('credit.recognized_on') }}
),

either as (
    select 'as_was' as organisation, branch_version_id, rep_id, channel_class, month, deals_won, won_amount from won
    union all
    select
        'as_is' as organisation, branch_version_id, rep_id, channel_class, month, deals_won,
        cast(null as {{ money_type() }}) as won_amount
    from won
    union all
    select 'as_is' as organisation, branch_version_id, rep_id, channel_class, month, 0 as deals_won, won_amount from current_money
)

select
    organisation,
    branch_version_id,
    rep_id,
    channel_class,
    month,
    sum(deals_won) as deals_won,
    cast(coalesce(sum(won_amount), 0) as {{ money_type() }}) as won_amount
from either
group by organisation, branch_version_id, rep_id, channel_class, month
