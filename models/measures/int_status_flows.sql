-- Who is contactable, active or producing at the end of a month, compared with the month before, for every entity of
-- today: gained (for the first time), returned, kept or lost. Salespeople of all scopes, and branches and partners of the
-- scopes above them. A month has rows only if the window of the month before is entirely in the data.
with months as (
    select
        month,
        month_end,
        {{ month_number('month') }} as month_number,
        min({{ month_number('month') }}) over () as first_number,
        max({{ month_number('month') }}) over () as last_number
    from {{ ref('int_months') }}
),

scopes as (
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

members as (
    select distinct
        bridge.scope_key, 'contactable' as status, 'rep' as member_type, reps.rep_id as member_id, months.month_number
    from {{ ref('int_contactable_reps') }} as reps
    inner join {{ ref('int_scope_bridge') }} as bridge
        on reps.branch_version_id = bridge.branch_version_id and bridge.organisation = 'as_is'
    inner join months on reps.month = months.month
    union all
    select distinct results.scope_key, 'active' as status, results.member_type, results.member_id, months.month_number
    from results
    inner join months
        on
            months.month_number >= results.month_number
            and months.month_number < results.month_number + {{ var('active_window_months') }}
    where results.brought > 0
    union all
    select distinct results.scope_key, 'producing' as status, results.member_type, results.member_id, months.month_number
    from results
    inner join months on months.month_number >= results.month_number and months.month_number < results.month_number + 12
    where results.deals_won > 0
),

neighbours as (
    select
        *,
        lag(month_number) over (
            partition by scope_key, status, member_type, member_id order by month_number nulls last
        ) as number_before,
        lead(month_number) over (
            partition by scope_key, status, member_type, member_id order by month_number nulls last
        ) as number_after
    from members
),

flows as (
    select
        scope_key, status, member_type, member_id, month_number,
        case
            when number_before is null then 'gained' when number_before < month_number - 1 then 'returned' else 'kept'
        end as flow
    from neighbours
    union all
    select scope_key, status, member_type, member_id, month_number + 1 as month_number, 'lost' as flow
    from neighbours
    where number_after is null or number_after > month_number + 1
)

select
    flows.scope_key,
    flows.status,
    flows.member_type,
    flows.member_id,
    months.month,
    months.month_end,
    months.month_number = months.last_number as is_last,
    flows.flow
from flows
inner join months
    on
        flows.month_number = months.month_number
        and months.month_number > months.first_number
        + case flows.status
            when 'contactable' then {{ (var('contact_window_days') / 28) | round(0, 'ceil') | int }}
            when 'active' then {{ var('active_window_months') - 1 }}
            else 11
        end
