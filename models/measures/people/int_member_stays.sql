-- From which month to which month an entity of today has somebody who is contactable, active or producing at the end of
-- the month: salespeople of all scopes, and branches and partners of the scopes above them.
with scopes as (
    select * from {{ ref('int_scopes') }} where organisation = 'as_is'
),

-- A new deal or a referral makes a rep active for the months of the window, a win makes a rep producing for twelve.
activity as (
    select
        reps.scope_key, reps.rep_id, {{ month_number('reps.month') }} as month_number,
        reps.deals_new, reps.deals_new + reps.referrals as brought, reps.deals_won
    from {{ ref('int_scope_rep_months') }} as reps
    inner join scopes on reps.scope_key = scopes.scope_key
    where reps.deals_new > 0 or reps.referrals > 0 or reps.deals_won > 0
),

-- The larger entities to which a branch or partner belongs.
parents as (
    select scope_key, scope, entity_id, 'division' as parent_scope, division_id as parent_id
    from scopes
    where scope = 'branch' and not is_special
    union all
    select scope_key, scope, entity_id, 'partner' as parent_scope, partner_id as parent_id
    from scopes
    where scope = 'branch' and not is_special
    union all
    select scope_key, scope, entity_id, 'company' as parent_scope, 'ALL' as parent_id
    from scopes
    where scope in ('branch', 'partner') and not is_special
),

results as (
    select scope_key, 'rep' as member_type, rep_id as member_id, month_number, brought, deals_won
    from activity
    where rep_id != 'NONE'
    union all
    select
        scopes.scope_key, parents.scope as member_type, parents.entity_id as member_id, activity.month_number,
        activity.deals_new as brought, activity.deals_won
    from activity
    inner join parents on activity.scope_key = parents.scope_key
    inner join scopes on parents.parent_scope = scopes.scope and parents.parent_id = scopes.entity_id
),

-- From the month of an event, a member belongs for as many months as the window has.
events as (
    select distinct
        bridge.scope_key, 'contactable' as status, 'rep' as member_type, reps.rep_id as member_id,
        {{ month_number('reps.month') }} as first_number, {{ month_number('reps.month') }} as last_number
    from {{ ref('int_contactable_reps') }} as reps
    inner join {{ ref('int_scope_bridge') }} as bridge
        on reps.branch_version_id = bridge.branch_version_id and bridge.organisation = 'as_is'
    union all
    select distinct
        scope_key, 'active' as status, member_type, member_id,
        month_number as first_number, month_number + {{ var('active_window_months') - 1 }} as last_number
    from results
    where brought > 0
    union all
    select distinct
        scope_key, 'producing' as status, member_type, member_id, month_number as first_number, month_number + 11 as last_number
    from results
    where deals_won > 0
),

-- Events that overlap or follow each other are one stay. Most events are neither its begin nor its end.
marked as (
    select
        *,
        lag(last_number) over member as last_before,
        lead(first_number) over member as next_number
    from events
    window member as (partition by scope_key, status, member_type, member_id order by first_number nulls last)
),

edges as (
    select
        *,
        coalesce(first_number > last_before + 1, true) as is_begin,
        coalesce(next_number > last_number + 1, true) as is_end
    from marked
),

-- A stay of one event ends with it. Otherwise its end is the edge after its begin.
stays as (
    select
        *,
        case
            when is_end then last_number
            else
                lead(last_number) over (
                    partition by scope_key, status, member_type, member_id order by first_number nulls last
                )
        end as stay_end
    from edges
    where is_begin or is_end
)

select
    scope_key, status, member_type, member_id,
    last_before is null as is_first,
    first_number,
    stay_end as last_number
from stays
where is_begin
