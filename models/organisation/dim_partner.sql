with today as (
    select as_of from {{ ref('int_as_of') }}
),

current_identity as (
    select identity.partner_id, identity.acting_partner_id
    from {{ ref('int_partner_identity') }} as identity
    cross join today
    where {{ is_within('today.as_of', 'identity.valid_from', 'identity.valid_to') }}
)

select
    partners.partner_id,
    partners.partner_name,
    partners.partner_type,
    partners.corporate_number,
    partners.parent_partner_id,
    partners.industry,
    partners.contract_started_on,
    partners.contract_ended_on,
    partners.is_focus,
    coalesce(current_identity.acting_partner_id, partners.partner_id) as current_partner_id,
    false as is_sentinel
from {{ ref('int_partners') }} as partners
left join current_identity on partners.partner_id = current_identity.partner_id
union all
select
    sentinel_id as partner_id,
    sentinel_name as partner_name,
    'other' as partner_type,
    null as corporate_number,
    null as parent_partner_id,
    null as industry,
    cast(null as date) as contract_started_on,
    cast(null as date) as contract_ended_on,
    false as is_focus,
    sentinel_id as current_partner_id,
    true as is_sentinel
from (
    select 'DIRECT' as sentinel_id, '直販 (direct)' as sentinel_name
    union all
    select 'UNRESOLVED' as sentinel_id, '未特定 (unresolved)' as sentinel_name
) as sentinels
