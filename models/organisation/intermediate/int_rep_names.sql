-- The normalised names of each rep (full name, alias and surname), with the partner and branch of the rep, by interval.
with names as (
    select distinct rep_id, rep_name as name, 'name' as name_type
    from {{ ref('stg_reps') }}
    where rep_name is not null
    union all
    select distinct entity_id as rep_id, alias as name, 'alias' as name_type
    from {{ ref('stg_aliases') }}
    where entity_type = 'rep'
),

keyed as (
    select names.rep_id, names.name_type, texts.name_key
    from names
    inner join {{ ref('stg_texts') }} as texts on names.name = texts.text
    where texts.name_key is not null
    union
    select names.rep_id, 'surname' as name_type, texts.surname_key as name_key
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

select keyed.rep_id, keyed.name_key, posts.acting_partner_id, posts.branch_id, posts.valid_from, posts.valid_to
from keyed
inner join posts on keyed.rep_id = posts.rep_id
group by keyed.rep_id, keyed.name_key, posts.acting_partner_id, posts.branch_id, posts.valid_from, posts.valid_to
