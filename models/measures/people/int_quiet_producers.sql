-- Salespeople at a branch who won often and then stopped: no win there in the six months to the last complete month, although
-- they are still there, and their wins of the twelve months before as a measure of what would be usual.
with last_month as (
    select max(month) as month from {{ ref('int_months') }} where is_complete
),

won as (
    select
        scopes.scope_key, scopes.entity_id as branch_id, reps.rep_id, last_month.month,
        sum(case when reps.month > {{ add_months('last_month.month', -6) }} then reps.deals_won else 0 end) as wins,
        sum(case when reps.month <= {{ add_months('last_month.month', -6) }} then reps.deals_won else 0 end) as wins_before
    from {{ ref('int_scope_rep_months') }} as reps
    inner join last_month on reps.month > {{ add_months('last_month.month', -18) }} and reps.month <= last_month.month
    inner join {{ ref('int_scopes') }} as scopes
        on
            reps.scope_key = scopes.scope_key
            and scopes.organisation = 'as_is' and scopes.scope = 'branch' and not scopes.is_special
    where reps.rep_id != 'NONE'
    group by scopes.scope_key, scopes.entity_id, reps.rep_id, last_month.month
)

-- Distinct, because a branch may have several versions.
select distinct
    won.scope_key, won.branch_id, won.rep_id, won.month, won.wins_before, won.wins_before / cast(2 as double) as usual_wins
from won
inner join {{ ref('int_known_reps') }} as known on won.rep_id = known.rep_id and won.month = known.month
inner join {{ ref('int_scope_bridge') }} as bridge
    on known.branch_version_id = bridge.branch_version_id and won.scope_key = bridge.scope_key
where won.wins = 0
