-- The monthly figures of every entity: sums of what adds up, and persons counted anew in each entity, because a rep with two
-- assignments is one person of the partner.
with counts as (
    select
        bridge.scope_key,
        facts.month,
        sum(facts.deals_new) as deals_new,
        sum(facts.deals_qualified) as deals_qualified,
        sum(facts.deals_won) as deals_won,
        sum(facts.deals_lost) as deals_lost
    from {{ ref('int_branch_channel_months') }} as facts
    inner join {{ ref('int_scope_bridge') }} as bridge on facts.branch_version_id = bridge.branch_version_id
    group by bridge.scope_key, facts.month
),

money as (
    select
        bridge.scope_key,
        facts.month,
        sum(facts.won_amount) as won_amount,
        sum(case when facts.channel_class = 'direct' then facts.won_amount end) as won_amount_direct,
        sum(case when facts.channel_class = 'indirect' then facts.won_amount end) as won_amount_indirect,
        sum(case when facts.channel_class = 'unresolved' then facts.won_amount end) as won_amount_unresolved
    from {{ ref('int_rep_credit') }} as facts
    inner join {{ ref('int_scope_bridge') }} as bridge
        on facts.branch_version_id = bridge.branch_version_id and facts.organisation = bridge.organisation
    group by bridge.scope_key, facts.month
),

referrals as (
    select bridge.scope_key, facts.month, count(*) as referrals
    from {{ ref('int_referrals') }} as facts
    inner join {{ ref('int_scope_bridge') }} as bridge on facts.branch_version_id = bridge.branch_version_id
    group by bridge.scope_key, facts.month
),

sessions as (
    select bridge.scope_key, facts.occurred_month as month, count(*) as sessions_held
    from {{ ref('fct_activities') }} as facts
    inner join {{ ref('int_scope_bridge') }} as bridge on facts.branch_version_id = bridge.branch_version_id
    where facts.activity_type = 'study_session' and facts.status = 'held' and facts.reps_attended > 0
    group by bridge.scope_key, facts.occurred_month
),

contacted as (
    select bridge.scope_key, facts.month, count(distinct facts.rep_id) as reps_contacted
    from {{ ref('int_contacted_reps') }} as facts
    inner join {{ ref('int_scope_bridge') }} as bridge on facts.branch_version_id = bridge.branch_version_id
    group by bridge.scope_key, facts.month
),

known as (
    select
        bridge.scope_key,
        facts.month,
        count(distinct facts.rep_id) as reps_known,
        count(distinct case
            when bridge.organisation = 'as_was' and facts.has_headcount then facts.rep_id
            when bridge.organisation = 'as_is' and facts.has_headcount_as_is then facts.rep_id
        end) as known_rate_numerator
    from {{ ref('int_known_reps') }} as facts
    inner join {{ ref('int_scope_bridge') }} as bridge on facts.branch_version_id = bridge.branch_version_id
    group by bridge.scope_key, facts.month
),

contactable as (
    select
        bridge.scope_key,
        facts.month,
        count(distinct facts.rep_id) as reps_contactable,
        count(distinct case when facts.is_trained then facts.rep_id end) as trained_rate_numerator
    from {{ ref('int_contactable_reps') }} as facts
    inner join {{ ref('int_scope_bridge') }} as bridge on facts.branch_version_id = bridge.branch_version_id
    group by bridge.scope_key, facts.month
),

trained as (
    select
        bridge.scope_key,
        facts.month,
        count(distinct case when facts.is_this_fiscal_year then facts.rep_id end) as reps_trained,
        count(distinct facts.rep_id) as producing_rate_denominator,
        count(distinct case when facts.is_producing then facts.rep_id end) as producing_rate_numerator
    from {{ ref('int_trained_reps') }} as facts
    inner join {{ ref('int_scope_bridge') }} as bridge on facts.branch_version_id = bridge.branch_version_id
    group by bridge.scope_key, facts.month
),

active as (
    select reps.scope_key, months.month, count(distinct reps.rep_id) as reps_active
    from {{ ref('int_scope_rep_months') }} as reps
    inner join {{ ref('int_months') }} as months
        on reps.month <= months.month and reps.month > {{ add_months('months.month', -var('active_window_months')) }}
    where (reps.deals_new > 0 or reps.referrals > 0) and reps.rep_id != 'NONE'
    group by reps.scope_key, months.month
),

-- Wins without a known salesperson are counted beside the producing ones: shares of those who win are at least what they say.
producing as (
    select
        scope_key,
        month,
        sum(case when deals_won > 0 and rep_id != 'NONE' then 1 else 0 end) as reps_producing_t12m,
        sum(case when rep_id = 'NONE' then deals_won else 0 end) as unassigned_wins_t12m
    from {{ ref('int_rep_years') }}
    group by scope_key, month
),

penetrating as (
    select bridge.scope_key, facts.month, count(distinct facts.rep_id) as rep_penetration_numerator
    from {{ ref('int_producing_reps') }} as facts
    inner join {{ ref('int_scope_bridge') }} as bridge on facts.branch_version_id = bridge.branch_version_id
    where
        (bridge.organisation = 'as_was' and facts.has_headcount)
        or (bridge.organisation = 'as_is' and facts.has_headcount_as_is)
    group by bridge.scope_key, facts.month
),

headcounts as (
    select
        bridge.scope_key,
        facts.month,
        sum(facts.sales_headcount) as headcount,
        max(case when facts.is_inherited then 1 else 0 end) = 1 as is_headcount_inherited
    from {{ ref('int_headcounts') }} as facts
    inner join {{ ref('int_scope_bridge') }} as bridge
        on facts.branch_version_id = bridge.branch_version_id and facts.organisation = bridge.organisation
    group by bridge.scope_key, facts.month
),

measured as (
    select
        months.scope_key,
        months.month,
        months.is_complete,
        months.has_twelve_months,
        coalesce(counts.deals_new, 0) as deals_new,
        coalesce(counts.deals_qualified, 0) as deals_qualified,
        coalesce(counts.deals_won, 0) as deals_won,
        coalesce(counts.deals_lost, 0) as deals_lost,
        coalesce(money.won_amount, 0) as won_amount,
        coalesce(money.won_amount_direct, 0) as won_amount_direct,
        coalesce(money.won_amount_indirect, 0) as won_amount_indirect,
        coalesce(money.won_amount_unresolved, 0) as won_amount_unresolved,
        coalesce(referrals.referrals, 0) as referrals,
        coalesce(sessions.sessions_held, 0) as sessions_held,
        coalesce(contacted.reps_contacted, 0) as reps_contacted,
        coalesce(known.reps_known, 0) as reps_known,
        coalesce(contactable.reps_contactable, 0) as reps_contactable,
        coalesce(trained.reps_trained, 0) as reps_trained,
        coalesce(contactable.trained_rate_numerator, 0) as trained_rate_numerator,
        coalesce(trained.producing_rate_numerator, 0) as producing_rate_numerator,
        coalesce(trained.producing_rate_denominator, 0) as producing_rate_denominator,
        coalesce(active.reps_active, 0) as reps_active,
        coalesce(producing.reps_producing_t12m, 0) as reps_producing_t12m,
        coalesce(producing.unassigned_wins_t12m, 0) as unassigned_wins_t12m,
        -- Unknown is not zero: an entity without a reported headcount has none here, and its reps are in no share of one.
        headcounts.headcount,
        coalesce(headcounts.is_headcount_inherited, false) as is_headcount_inherited,
        case when headcounts.headcount is not null then coalesce(known.known_rate_numerator, 0) end as known_rate_numerator,
        case when headcounts.headcount is not null then coalesce(penetrating.rep_penetration_numerator, 0) end
            as rep_penetration_numerator
    from {{ ref('int_scope_months') }} as months
    left join counts on months.scope_key = counts.scope_key and months.month = counts.month
    left join money on months.scope_key = money.scope_key and months.month = money.month
    left join referrals on months.scope_key = referrals.scope_key and months.month = referrals.month
    left join sessions on months.scope_key = sessions.scope_key and months.month = sessions.month
    left join contacted on months.scope_key = contacted.scope_key and months.month = contacted.month
    left join known on months.scope_key = known.scope_key and months.month = known.month
    left join contactable on months.scope_key = contactable.scope_key and months.month = contactable.month
    left join trained on months.scope_key = trained.scope_key and months.month = trained.month
    left join active on months.scope_key = active.scope_key and months.month = active.month
    left join producing on months.scope_key = producing.scope_key and months.month = producing.month
    left join penetrating on months.scope_key = penetrating.scope_key and months.month = penetrating.month
    left join headcounts on months.scope_key = headcounts.scope_key and months.month = headcounts.month
)

select
    scope_key,
    month,
    is_complete,
    has_twelve_months,
    cast(deals_new as bigint) as deals_new,
    cast(deals_qualified as bigint) as deals_qualified,
    cast(deals_won as bigint) as deals_won,
    cast(deals_lost as bigint) as deals_lost,
    cast(won_amount as {{ money_type() }}) as won_amount,
    cast(won_amount_direct as {{ money_type() }}) as won_amount_direct,
    cast(won_amount_indirect as {{ money_type() }}) as won_amount_indirect,
    cast(won_amount_unresolved as {{ money_type() }}) as won_amount_unresolved,
    cast(referrals as bigint) as referrals,
    cast(sessions_held as bigint) as sessions_held,
    cast(reps_contacted as bigint) as reps_contacted,
    cast(reps_known as bigint) as reps_known,
    cast(reps_contactable as bigint) as reps_contactable,
    cast(reps_trained as bigint) as reps_trained,
    cast(trained_rate_numerator as bigint) as trained_rate_numerator,
    cast(producing_rate_numerator as bigint) as producing_rate_numerator,
    cast(producing_rate_denominator as bigint) as producing_rate_denominator,
    cast(reps_active as bigint) as reps_active,
    cast(reps_producing_t12m as bigint) as reps_producing_t12m,
    cast(unassigned_wins_t12m as bigint) as unassigned_wins_t12m,
    cast(headcount as bigint) as headcount,
    is_headcount_inherited,
    cast(known_rate_numerator as bigint) as known_rate_numerator,
    cast(rep_penetration_numerator as bigint) as rep_penetration_numerator,
    {{ rate('rep_penetration_numerator', 'headcount') }} as rep_penetration
from measured
