{{ config(schema='intermediate') }}

-- Reps with a post at the end of a month, whether or not anybody knows how to reach them. A rep of concurrent posts is known at
-- none of them.
with month_ends as (
    select month, {{ add_days(add_months('month', 1), -1) }} as month_end
    from {{ ref('int_months') }}
)

select posts.rep_id, month_ends.month, posts.branch_id
from {{ ref('int_rep_posts') }} as posts
inner join month_ends
    on {{ is_within('month_ends.month_end', 'posts.valid_from', 'posts.valid_to') }}
where posts.branch_id is not null
