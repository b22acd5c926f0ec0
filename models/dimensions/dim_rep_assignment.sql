with posts as (
    {{ dated_history('rep_assignments', ['rep_id'], ['branch_id', 'is_primary', 'role']) }}
),

reps as (
    {{ last_known('reps', ['rep_id']) }}
),

-- Whoever has left holds no post any more, whatever the list still says; a post that begins later is that of one who came back.
held as (
    select
        posts.*,
        case
            when posts.valid_from < reps.left_on and reps.left_on < posts.valid_to then reps.left_on
            else posts.valid_to
        end as held_to
    from posts
    left join reps on posts.rep_id = reps.rep_id
)

select
    rep_id,
    branch_id,
    valid_from,
    held_to as valid_to,
    coalesce(is_primary, false) as is_primary,
    role
from held
