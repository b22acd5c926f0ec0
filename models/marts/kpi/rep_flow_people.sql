-- The names behind rep_flows: gained, returned and lost members of the last month and the twelve before it, and kept
-- members of the last month.
with contacts as (
    select rep_id, {{ add_days('last_contact_on', var('contact_window_days') - 1) }} as contactable_until
    from {{ ref('int_rep_records') }}
),

recent as (
    select months.month, months.is_complete
    from {{ ref('int_months') }} as months
    cross join (select max(month) as last_month from {{ ref('int_months') }}) as latest
    where months.month >= {{ add_months('latest.last_month', -12) }}
),

names as (
    select 'rep' as member_type, rep_id as member_id, rep_name as member_name from {{ ref('dim_rep') }}
    union all
    select 'branch', branch_id, branch_name from {{ ref('dim_branch') }}
    union all
    select 'partner', partner_id, partner_name from {{ ref('dim_partner') }}
)

select
    scopes.scope,
    scopes.entity_id,
    case when scopes.scope = 'branch' then scopes.entity_id end as branch_id,
    scopes.partner_id,
    flows.member_type,
    flows.member_id,
    names.member_name,
    flows.status,
    flows.month,
    months.is_complete,
    flows.flow,
    losses.is_lapsed,
    losses.loss_reason,
    case when flows.is_last and flows.status = 'contactable' and flows.flow != 'lost' then contacts.contactable_until end
        as contactable_until,
    reps.current_branch_id as now_at_branch_id
from {{ ref('int_status_flows') }} as flows
inner join {{ ref('int_scopes') }} as scopes on flows.scope_key = scopes.scope_key and not scopes.is_special
inner join recent as months on flows.month = months.month
left join {{ ref('int_status_losses') }} as losses
    on
        flows.scope_key = losses.scope_key and flows.status = losses.status
        and flows.member_type = losses.member_type and flows.member_id = losses.member_id and flows.month = losses.month
left join names on flows.member_type = names.member_type and flows.member_id = names.member_id
left join {{ ref('dim_rep') }} as reps on case when flows.member_type = 'rep' then flows.member_id end = reps.rep_id
left join contacts on case when flows.member_type = 'rep' then flows.member_id end = contacts.rep_id
where flows.flow != 'kept' or flows.is_last
