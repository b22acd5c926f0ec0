-- The normalised names of each rep (full name, alias and surname) while the rep has them, with the partner and branch of the
-- rep, by interval. A name is valid from named_from to named_to and counts on the days of an assignment.
with reported as (
    {{ held_history('reps', ['rep_id'], ['rep_name']) }}
),

aliases as (
    select * from (
        {{ dated_history('aliases', ['entity_type', 'entity_id', 'alias'], []) }}
    ) as history
    where entity_type = 'rep'
),

-- The assignments say from when a rep is there. So the first known name is valid from the beginning.
names as (
    select
        rep_id,
        rep_name as name,
        'name' as name_type,
        case
            when lag(valid_from) over (partition by rep_id order by valid_from, rep_name nulls last) is null then {{ since_ever() }}
            else valid_from
        end as named_from,
        valid_to as named_to
    from reported
    where rep_name is not null
    union all
    select entity_id as rep_id, alias as name, 'alias' as name_type, valid_from as named_from, valid_to as named_to
    from aliases
),

keyed as (
    select names.rep_id, texts.name_key, names.named_from, names.named_to
    from names
    inner join {{ ref('stg_texts') }} as texts on names.name = texts.text
    where texts.name_key is not null
    union
    select names.rep_id, texts.surname_key as name_key, names.named_from, names.named_to
    from names
    inner join {{ ref('stg_texts') }} as texts on names.name = texts.text
    where names.name_type = 'name' and texts.surname_key is not null
),

-- A rep with several assignments and no primary one still has a partner.
posts as (
    select
        posts.rep_id,
        posts.branch_id,
        branches.acting_partner_id,
        greatest(posts.valid_from, branches.valid_from) as valid_from,
        least(posts.valid_to, branches.valid_to) as valid_to
    from {{ ref('int_rep_posts') }} as posts
    inner join {{ ref('int_branch_partners') }} as branches
        on
            coalesce(posts.branch_id, posts.lowest_branch_id) = branches.branch_id
            and posts.valid_from < branches.valid_to
            and branches.valid_from < posts.valid_to
)

select
    keyed.rep_id, keyed.name_key, posts.acting_partner_id, posts.branch_id, posts.valid_from, posts.valid_to,
    keyed.named_from, keyed.named_to
from keyed
inner join posts on keyed.rep_id = posts.rep_id
group by
    keyed.rep_id, keyed.name_key, posts.acting_partner_id, posts.branch_id, posts.valid_from, posts.valid_to,
    keyed.named_from, keyed.named_to
