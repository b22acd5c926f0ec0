-- The normalised names, aliases and stems (大阪 of 大阪支店) of each branch, when they were valid, and the branch's partner
-- at the time. is_bare marks keys that do not end with a suffix: after them, a department may be part of a longer name.
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
),

keyed as (
    select
        names.branch_id, names.acting_partner_id, names.name_type, names.valid_from, names.valid_to,
        texts.name_key, texts.spelling, texts.stem
    from names
    inner join {{ ref('stg_texts') }} as texts on names.name = texts.text
    where texts.name_key is not null
),

stems as (
    select distinct acting_partner_id, stem from keyed where name_type = 'name' and stem is not null
)

select
    branch_id, acting_partner_id, name_key, name_type, valid_from, valid_to, spelling,
    stem is null as is_bare
from keyed
union all
select
    branch_id, acting_partner_id, stem as name_key, 'stem' as name_type, valid_from, valid_to,
    substr(spelling, 1, length(stem)) as spelling, true as is_bare
from keyed
where name_type = 'name' and stem is not null
union all
-- A name without a suffix, for texts with one. 大阪営業所 is not 大阪 where the partner also has 大阪支店.
select
    keyed.branch_id, keyed.acting_partner_id, keyed.name_key, 'bare' as name_type, keyed.valid_from, keyed.valid_to,
    keyed.spelling, true as is_bare
from keyed
left join stems on keyed.acting_partner_id = stems.acting_partner_id and keyed.name_key = stems.stem
where keyed.name_type = 'name' and keyed.stem is null and stems.stem is null
