{{ config(schema='intermediate') }}

-- Reps with a post at the end of a month, whether or not anybody knows how to reach them. A rep of concurrent posts stands at
-- the primary one; where none is primary the rep is known all the same, at each of them. A share of the declared sales force
-- takes those whose branch declares one.
with standing as (
    select posts.rep_id, posts.branch_id, months.month, months.month_end
    from {{ ref('int_rep_posts') }} as posts
    inner join {{ ref('int_months') }} as months
        on {{ is_within('months.month_end', 'posts.valid_from', 'posts.valid_to') }}
),

known as (
    select rep_id, month, branch_id
    from standing
    where branch_id is not null
    union
    select standing.rep_id, standing.month, posts.branch_id
    from standing
    inner join {{ ref('dim_rep_assignment') }} as posts
        on
            standing.rep_id = posts.rep_id
            and {{ is_within('standing.month_end', 'posts.valid_from', 'posts.valid_to') }}
    where standing.branch_id is null
)

select known.rep_id, known.month, known.branch_id, headcounts.branch_id is not null as has_headcount
from known
left join {{ ref('int_headcounts') }} as headcounts on known.branch_id = headcounts.branch_id and known.month = headcounts.month
