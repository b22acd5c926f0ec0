-- The branch of a rep by interval: that of the only assignment, or of the primary one of concurrent assignments. It is
-- null where this leaves several. Intervals of a rep never overlap, so a join on the rep and a day gives at most one
-- row.
with posts as (
    select * from {{ ref('dim_rep_assignment') }}
),

reaches as (
    select
        rep_id,
        max(valid_to) over (
            partition by rep_id order by valid_from, valid_to rows between unbounded preceding and current row
        ) as occupied_until,
        lead(valid_from) over (partition by rep_id order by valid_from, valid_to) as next_from
    from posts
),

-- The assignment before a gap covers it, but only where another follows.
gaps as (
    select
        rep_id,
        occupied_until as gap_from,
        least(next_from, {{ add_days('occupied_until', var('assignment_gap_days')) }}) as bridged_to
    from reaches
    where next_from > occupied_until
),

bridged as (
    select
        posts.rep_id,
        posts.branch_id,
        posts.is_primary,
        posts.valid_from,
        coalesce(gaps.bridged_to, posts.valid_to) as valid_to
    from posts
    left join gaps on posts.rep_id = gaps.rep_id and posts.valid_to = gaps.gap_from
),

boundaries as (
    select rep_id, valid_from as boundary from bridged
    union
    select rep_id, valid_to as boundary from bridged
),

segments as (
    select
        rep_id,
        boundary as valid_from,
        lead(boundary) over (partition by rep_id order by boundary) as valid_to
    from boundaries
)

select
    segments.rep_id,
    segments.valid_from,
    segments.valid_to,
    case
        when count(distinct bridged.branch_id) = 1 then min(bridged.branch_id)
        when count(distinct case when bridged.is_primary then bridged.branch_id end) = 1
            then min(case when bridged.is_primary then bridged.branch_id end)
    end as branch_id,
    min(bridged.branch_id) as lowest_branch_id
from segments
inner join bridged
    on
        segments.rep_id = bridged.rep_id
        and bridged.valid_from <= segments.valid_from
        and segments.valid_to <= bridged.valid_to
group by segments.rep_id, segments.valid_from, segments.valid_to
