-- The monthly figures of every entity: additive sums, and the persons counted by int_monthly_people.
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
)

select
    months.scope_key,
    months.month,
    months.is_complete,
    months.has_twelve_months,
    cast(coalesce(counts.deals_new, 0) as bigint) as deals_new,
    cast(coalesce(counts.deals_qualified, 0) as bigint) as deals_qualified,
    cast(coalesce(counts.deals_won, 0) as bigint) as deals_won,
    cast(coalesce(counts.deals_lost, 0) as bigint) as deals_lost,
    cast(coalesce(money.won_amount, 0) as {{ money_type() }}) as won_amount,
    cast(coalesce(money.won_amount_direct, 0) as {{ money_type() }}) as won_amount_direct,
    cast(coalesce(money.won_amount_indirect, 0) as {{ money_type() }}) as won_amount_indirect,
    cast(coalesce(money.won_amount_unresolved, 0) as {{ money_type() }}) as won_amount_unresolved,
    cast(coalesce(referrals.referrals, 0) as bigint) as referrals,
    cast(coalesce(sessions.sessions_held, 0) as bigint) as sessions_held,
    cast(people.reps_contacted as bigint) as reps_contacted,
    cast(people.reps_known as bigint) as reps_known,
    cast(people.reps_contactable as bigint) as reps_contactable,
    cast(people.reps_trained as bigint) as reps_trained,
    cast(people.trained_rate_numerator as bigint) as trained_rate_numerator,
    cast(people.producing_rate_numerator as bigint) as producing_rate_numerator,
    cast(people.producing_rate_denominator as bigint) as producing_rate_denominator,
    cast(people.reps_active as bigint) as reps_active,
    cast(people.reps_producing_t12m as bigint) as reps_producing_t12m,
    cast(people.unassigned_wins_t12m as bigint) as unassigned_wins_t12m,
    cast(people.headcount as bigint) as headcount,
    people.is_headcount_inherited,
    cast(people.known_rate_numerator as bigint) as known_rate_numerator,
    cast(people.rep_penetration_numerator as bigint) as rep_penetration_numerator,
    {{ rate('people.rep_penetration_numerator', 'people.headcount') }} as rep_penetration
from {{ ref('int_scope_months') }} as months
inner join {{ ref('int_monthly_people') }} as people on months.scope_key = people.scope_key and months.month = people.month
left join counts on months.scope_key = counts.scope_key and months.month = counts.month
left join money on months.scope_key = money.scope_key and months.month = money.month
left join referrals on months.scope_key = referrals.scope_key and months.month = referrals.month
left join sessions on months.scope_key = sessions.scope_key and months.month = sessions.month
