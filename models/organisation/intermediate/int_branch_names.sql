-- The normalised names, aliases and stems (大阪 of 大阪支店) of each branch, when they were valid, and the branch's partner
-- at the time.
with branches as (
    select * from {{ ref('int_branch_partners') }}
),

aliases as (
    select * from (
        {{ dated_history('aliases', ['entity_type', 'entity_id', 'alias'], []) }}
    ) as history
    where entity_type = 'branch'
),

names as (
    select branch_id, acting_partner_id, branch_name as name, 'name' as name_type, valid_from, valid_to
    from branches
    union all
    select
        aliases.entity_id as branch_id,
        branches.acting_partner_id,
        aliases.alias as name,
        'alias' as name_type,
        greatest(aliases.valid_from, branches.valid_from) as valid_from,
        least(aliases.valid_to, branches.valid_to) as valid_to
    from aliases
    inner join branches
        on
            aliases.entity_id = branches.branch_id
            and aliases.valid_from < branches.valid_to
            and branches.valid_from < aliases.valid_to
)

select names.branch_id, names.acting_partner_id, texts.name_key, names.name_type, names.valid_from, names.valid_to
from names
inner join {{ ref('stg_texts') }} as texts on names.name = texts.text
where texts.name_key is not null
union all
select names.branch_id, names.acting_partner_id, texts.stem as name_key, 'stem' as name_type, names.valid_from, names.valid_to
from names
inner join {{ ref('stg_texts') }} as texts on names.name = texts.text
where names.name_type = 'name' and texts.stem is not null
