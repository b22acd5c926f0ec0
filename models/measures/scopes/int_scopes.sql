-- One row per organisation, scope and entity, with its division and partner today.
with entities as (
    select distinct scope_key, organisation, scope, entity_id from {{ ref('int_scope_bridge') }}
),

places as (
    select
        'branch' as scope, branch_id as entity_id, branch_name as entity_name, division_id, current_division_id,
        partner_id, current_partner_id, coalesce(closed_on, {{ for_ever() }}) as closed_on
    from {{ ref('dim_branch') }}
    union all
    select
        'division' as scope, divisions.division_id as entity_id, divisions.division_name as entity_name, divisions.division_id,
        divisions.current_division_id, divisions.partner_id, partners.current_partner_id, {{ for_ever() }} as closed_on
    from {{ ref('dim_division') }} as divisions
    inner join {{ ref('dim_partner') }} as partners on divisions.partner_id = partners.partner_id
    union all
    select
        'partner' as scope, partner_id as entity_id, partner_name as entity_name, null as division_id,
        null as current_division_id, partner_id, current_partner_id, {{ for_ever() }} as closed_on
    from {{ ref('dim_partner') }}
)

select
    entities.scope_key,
    entities.organisation,
    entities.scope,
    entities.entity_id,
    places.entity_name,
    case when entities.organisation = 'as_is' then places.current_division_id else places.division_id end as division_id,
    case when entities.organisation = 'as_is' then places.current_partner_id else places.partner_id end as partner_id,
    entities.entity_id in ('DIRECT', 'UNRESOLVED') or entities.entity_id like 'UNKNOWN:%' as is_special,
    coalesce(places.closed_on, {{ for_ever() }}) as closed_on
from entities
left join places on entities.scope = places.scope and entities.entity_id = places.entity_id
