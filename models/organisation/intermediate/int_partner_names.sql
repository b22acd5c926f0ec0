-- The normalised names and aliases of each partner, and when they were valid. A name is valid until an extract has
-- another one. The first known name is valid from the beginning.
with reported as (
    select
        partner_id,
        partner_name,
        extracted_on,
        lag(partner_name) over (partition by partner_id order by extracted_on) as previous_name
    from {{ ref('stg_partners') }}
),

renamings as (
    select
        partner_id,
        partner_name,
        extracted_on,
        lag(extracted_on) over (partition by partner_id order by extracted_on) is null as is_first,
        lead(extracted_on) over (partition by partner_id order by extracted_on) as next_extracted_on
    from reported
    where partner_name is distinct from previous_name
),

aliases as (
    select * from (
        {{ dated_history('aliases', ['entity_type', 'entity_id', 'alias'], []) }}
    ) as history
    where entity_type = 'partner'
),

names as (
    select
        partner_id,
        partner_name as name,
        'name' as name_type,
        case when is_first then {{ since_ever() }} else extracted_on end as valid_from,
        coalesce(next_extracted_on, {{ for_ever() }}) as valid_to
    from renamings
    union all
    select entity_id as partner_id, alias as name, 'alias' as name_type, valid_from, valid_to
    from aliases
)

select
    names.partner_id,
    texts.name_key,
    texts.legal_form,
    names.name_type,
    names.valid_from,
    names.valid_to
from names
inner join {{ ref('stg_texts') }} as texts on names.name = texts.text
where texts.name_key is not null
