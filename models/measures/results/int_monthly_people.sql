-- The persons of every entity by month. Each entity counts its own: a rep with two assignments is one person of the
-- partner.
with contacted as (
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

-- Wins without a known salesperson are counted separately from producing reps, so a share of producing reps is a lower
-- bound.
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
)

select
    months.scope_key,
    months.month,
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
    -- Without a reported headcount the headcount is null, not 0, and so are the numerators of its shares.
    headcounts.headcount,
    coalesce(headcounts.is_headcount_inherited, false) as is_headcount_inherited,
    case when headcounts.headcount is not null then coalesce(known.known_rate_numerator, 0) end as known_rate_numerator,
    case when headcounts.headcount is not null then coalesce(penetrating.rep_penetration_numerator, 0) end as rep_penetration_numerator
from {{ ref('int_scope_months') }} as months
left join contacted on months.scope_key = contacted.scope_key and months.month = contacted.month
left join known on months.scope_key = known.scope_key and months.month = known.month
left join contactable on months.scope_key = contactable.scope_key and months.month = contactable.month
left join trained on months.scope_key = trained.scope_key and months.month = trained.month
left join active on months.scope_key = active.scope_key and months.month = active.month
left join producing on months.scope_key = producing.scope_key and months.month = producing.month
left join penetrating on months.scope_key = penetrating.scope_key and months.month = penetrating.month
left join headcounts on months.scope_key = headcounts.scope_key and months.month = headcounts.month
