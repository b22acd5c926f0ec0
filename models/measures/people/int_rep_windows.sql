-- Salespeople of an entity who keep winning, and the money at risk because its salespeople left, on today's organisation,
-- over windows that end with the month.
with won as (
    select
        reps.scope_key, reps.rep_id, months.month,
        max(case when reps.month > {{ add_months('months.month', -6) }} then 1 else 0 end) as is_producing,
        max(case when reps.month <= {{ add_months('months.month', -6) }} then 1 else 0 end) as was_producing
    from {{ ref('int_scope_rep_months') }} as reps
    inner join {{ ref('int_scopes') }} as scopes on reps.scope_key = scopes.scope_key and scopes.organisation = 'as_is'
    inner join {{ ref('int_months') }} as months
        on reps.month > {{ add_months('months.month', -12) }} and reps.month <= months.month
    where reps.deals_won > 0 and reps.rep_id != 'NONE'
    group by reps.scope_key, reps.rep_id, months.month
),

producing as (
    select
        scope_key, month,
        sum(was_producing) as producers_before,
        sum(was_producing * is_producing) as producers_kept
    from won
    group by scope_key, month
),

known as (
    select distinct bridge.scope_key, reps.rep_id, reps.month
    from {{ ref('int_known_reps') }} as reps
    inner join {{ ref('int_scope_bridge') }} as bridge
        on reps.branch_version_id = bridge.branch_version_id and bridge.organisation = 'as_is'
),

-- Reps of the entity three months ago who are not there at the end of the month. A move to another branch is a loss for
-- the branch and not for the partner.
leavers as (
    select before.scope_key, before.rep_id, months.month
    from known as before
    inner join {{ ref('int_months') }} as months on before.month = {{ add_months('months.month', -3) }}
    left join known as still
        on before.scope_key = still.scope_key and before.rep_id = still.rep_id and months.month = still.month
    where still.rep_id is null
),

at_risk as (
    select leavers.scope_key, leavers.month, sum(reps.won_amount) as revenue_at_risk
    from leavers
    inner join {{ ref('int_rep_years') }} as reps
        on leavers.scope_key = reps.scope_key and leavers.rep_id = reps.rep_id and leavers.month = reps.month
    group by leavers.scope_key, leavers.month
)

select
    coalesce(producing.scope_key, at_risk.scope_key) as scope_key,
    coalesce(producing.month, at_risk.month) as month,
    coalesce(producing.producers_before, 0) as producers_before,
    coalesce(producing.producers_kept, 0) as producers_kept,
    coalesce(at_risk.revenue_at_risk, 0) as revenue_at_risk
from producing
full outer join at_risk on producing.scope_key = at_risk.scope_key and producing.month = at_risk.month
