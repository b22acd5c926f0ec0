-- Why an entity lost somebody. A lapse is a loss of somebody who is still there: only the window ran out.
with losses as (
    select flows.*, scopes.scope, scopes.entity_id
    from {{ ref('int_status_flows') }} as flows
    inner join {{ ref('int_scopes') }} as scopes on flows.scope_key = scopes.scope_key
    where flows.flow = 'lost'
),

present as (
    select distinct bridge.scope_key, reps.rep_id, reps.month
    from {{ ref('int_known_reps') }} as reps
    inner join {{ ref('int_scope_bridge') }} as bridge
        on reps.branch_version_id = bridge.branch_version_id and bridge.organisation = 'as_is'
),

anywhere as (
    select distinct rep_id, month from {{ ref('int_known_reps') }}
),

-- A rep with a two-way contact in the window who is not contactable has no address any more.
met as (
    select distinct losses.member_id, losses.month
    from losses
    inner join {{ ref('fct_attendance') }} as contacts
        on
            losses.member_id = contacts.rep_id
            and contacts.occurred_on <= losses.month_end
            and contacts.occurred_on > {{ add_days('losses.month_end', -var('contact_window_days')) }}
    where losses.status = 'contactable' and contacts.is_two_way_touch
),

ends as (
    select 'branch' as member_type, branch_id as member_id, closed_on as ended_on from {{ ref('dim_branch') }}
    union all
    select 'partner' as member_type, partner_id as member_id, contract_ended_on as ended_on from {{ ref('dim_partner') }}
),

explained as (
    select
        losses.scope_key, losses.status, losses.member_type, losses.member_id, losses.month,
        case
            when losses.member_type != 'rep' and ends.ended_on <= losses.month_end then 'ended'
            when losses.member_type = 'rep' and anywhere.rep_id is null then 'left'
            when losses.member_type = 'rep' and present.rep_id is null then 'moved'
            when losses.status = 'active' then 'no_new_deal'
            when losses.status = 'producing' then 'no_win'
            when met.member_id is not null then 'no_address'
            else 'no_contact'
        end as loss_reason
    from losses
    left join present
        on losses.scope_key = present.scope_key and losses.member_id = present.rep_id and losses.month = present.month
    left join anywhere on losses.member_id = anywhere.rep_id and losses.month = anywhere.month
    left join met on losses.member_id = met.member_id and losses.month = met.month
    left join ends on losses.member_type = ends.member_type and losses.member_id = ends.member_id
)

select *, loss_reason not in ('left', 'moved', 'ended') as is_lapsed
from explained
