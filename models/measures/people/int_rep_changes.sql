-- Assignments of salespeople on today's branches, each with the branch before it. A merger of branches changes no
-- assignment.
with posts as (
    select
        posts.rep_id,
        branches.current_branch_id as branch_id,
        posts.valid_from,
        posts.valid_to,
        lag(branches.current_branch_id) over (partition by posts.rep_id order by posts.valid_from) as branch_id_before
    from {{ ref('int_rep_posts') }} as posts
    inner join {{ ref('dim_branch') }} as branches on posts.branch_id = branches.branch_id
)

select
    posts.*,
    {{ is_within('today.as_of', 'posts.valid_from', 'posts.valid_to') }} as is_current
from posts
cross join {{ ref('int_as_of') }} as today
where posts.branch_id_before is distinct from posts.branch_id
