-- The normalised names and aliases of each partner, and when they were valid: while an extract had the name, and no longer
-- than the partner is there. A company that was merged lends its names to its successor, whether or not it is still listed.
with partners as (
    select
        partner_id,
        coalesce(listed_from, {{ since_ever() }}) as listed_from,
        case when successor_partner_id is null then coalesce(listed_to, {{ for_ever() }}) else {{ for_ever() }} end as listed_to,
        listed_to as left_on
    from {{ ref('int_partners') }}
),

reported as (
    {{ held_history('partners', ['partner_id'], ['partner_name']) }}
),

aliases as (
    select * from (
        {{ dated_history('aliases', ['entity_type', 'entity_id', 'alias'], []) }}
    ) as history
    where entity_type = 'partner'
),

names as (
    select
        reported.partner_id,
        reported.partner_name as name,
        'name' as name_type,
        reported.valid_from,
        case when reported.valid_to = partners.left_on then partners.listed_to else reported.valid_to end as valid_to
    from reported
    inner join partners on reported.partner_id = partners.partner_id
    union all
    select
        aliases.entity_id as partner_id,
        aliases.alias as name,
        'alias' as name_type,
        -- An alias may have a date of its own, on which the partner was there already.
        case when aliases.valid_from = {{ since_ever() }} then partners.listed_from else aliases.valid_from end as valid_from,
        least(aliases.valid_to, partners.listed_to) as valid_to
    from aliases
    inner join partners on aliases.entity_id = partners.partner_id
)

select
    names.partner_id,
    texts.name_key,
    texts.spelling,
    texts.legal_form,
    names.name_type,
    names.valid_from,
    names.valid_to
from names
inner join {{ ref('stg_texts') }} as texts on names.name = texts.text
where texts.name_key is not null and names.valid_from < names.valid_to
