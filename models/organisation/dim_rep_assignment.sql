with posts as (
    {{ dated_history('rep_assignments', ['rep_id'], ['branch_id', 'is_primary', 'role']) }}
),

reps as (
    {{ last_known('reps', ['rep_id']) }}
)

select
    posts.rep_id,
    posts.branch_id,
    posts.valid_from,
    -- A rep who left has no assignment any more, even if the list of assignments still contains one.
    least(posts.valid_to, coalesce(reps.left_on, {{ for_ever() }})) as valid_to,
    coalesce(posts.is_primary, false) as is_primary,
    posts.role
from posts
left join reps on posts.rep_id = reps.rep_id
where posts.valid_from < least(posts.valid_to, coalesce(reps.left_on, {{ for_ever() }}))
