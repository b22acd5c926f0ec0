with rostered as (
    {{ last_known('reps', ['rep_id']) }}
),

known as (
    select rep_id from rostered
    union
    select rep_id from {{ ref('dim_rep_assignment') }}
),

-- The assignment of today, otherwise the last one: one per rep.
last_posts as (
    select
        posts.rep_id,
        coalesce(posts.branch_id, posts.lowest_branch_id) as branch_id,
        {{ is_within('today.as_of', 'posts.valid_from', 'posts.valid_to') }} as is_current,
        row_number() over (
            partition by posts.rep_id
            order by
                case when {{ is_within('today.as_of', 'posts.valid_from', 'posts.valid_to') }} then 0 else 1 end,
                posts.valid_from desc
        ) as post_rank
    from {{ ref('int_rep_posts') }} as posts
    cross join {{ ref('int_as_of') }} as today
)

select
    known.rep_id,
    rostered.rep_name,
    rostered.rep_email,
    rostered.job_title,
    rostered.left_on,
    branches.partner_id,
    case when last_posts.is_current then last_posts.branch_id end as current_branch_id,
    false as is_sentinel
from known
left join rostered on known.rep_id = rostered.rep_id
left join last_posts on known.rep_id = last_posts.rep_id and last_posts.post_rank = 1
left join {{ ref('int_branches') }} as branches on last_posts.branch_id = branches.branch_id
union all
select
    'NONE' as rep_id,
    '担当者なし (no rep)' as rep_name,
    null as rep_email,
    null as job_title,
    cast(null as date) as left_on,
    null as partner_id,
    null as current_branch_id,
    true as is_sentinel
