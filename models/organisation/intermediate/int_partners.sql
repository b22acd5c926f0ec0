with rostered as (
    {{ last_known('partners', ['partner_id']) }}
),

-- The day of the first extract that held the company; empty for what was there from the beginning.
first_held as (
    select partner_id, nullif(min(held_from), {{ since_ever() }}) as listed_from
    from (select partner_id, {{ held_from(['partner_id']) }} as held_from from {{ ref('stg_partners') }}) as held
    group by partner_id
),

-- A branch needs a partner even if the roster lacks the company: the company is included under its id.
named_by_branches as (
    select distinct branches.partner_id
    from {{ ref('stg_branches') }} as branches
    where
        branches.partner_id is not null
        and not exists (select 1 from rostered where rostered.partner_id = branches.partner_id)
)

select
    rostered.partner_id,
    partner_name,
    corporate_number,
    coalesce(partner_type, 'other') as partner_type,
    parent_partner_id,
    industry,
    contract_started_on,
    -- A company that a later extract omits ended at that extract's date, unless the roster has an earlier date.
    {{ earliest(['contract_ended_on', 'unlisted_on']) }} as contract_ended_on,
    coalesce(is_focus, false) as is_focus,
    successor_partner_id,
    succeeded_on,
    first_held.listed_from,
    unlisted_on as listed_to
from rostered
inner join first_held on rostered.partner_id = first_held.partner_id
union all
select
    partner_id,
    partner_id as partner_name,
    null as corporate_number,
    'other' as partner_type,
    null as parent_partner_id,
    null as industry,
    cast(null as date) as contract_started_on,
    cast(null as date) as contract_ended_on,
    false as is_focus,
    null as successor_partner_id,
    cast(null as date) as succeeded_on,
    cast(null as date) as listed_from,
    cast(null as date) as listed_to
from named_by_branches
