-- Successors of a branch among today's branches, with their shares. After a merger, a transfer or a changed id, the
-- successor has the whole branch. A split divides the branch by weights; a split without weights has no effect.
with recursive effective as (
    select successions.*
    from {{ ref('int_successions') }} as successions
    cross join {{ ref('int_as_of') }} as today
    where successions.effective_on <= today.as_of
),

totals as (
    select
        from_branch_id,
        count(*) as successor_count,
        count(weight) as weight_count,
        sum(weight) as total_weight,
        max(case when kind = 'split' then 1 else 0 end) = 1 as is_split
    from effective
    group by from_branch_id
),

edges as (
    select
        effective.from_branch_id,
        effective.to_branch_id,
        effective.effective_on,
        case
            when totals.weight_count = totals.successor_count then cast(effective.weight as double) / totals.total_weight
            else cast(1 as double)
        end as share
    from effective
    inner join totals on effective.from_branch_id = totals.from_branch_id
    where
        effective.from_branch_id != effective.to_branch_id
        and (
            (totals.weight_count = totals.successor_count and totals.total_weight > 0)
            or (totals.successor_count = 1 and not totals.is_split)
        )
),

-- A later succession of the successor is followed, too. The depth limits a cycle that a roster may contain by mistake.
walks as (
    select branch_id, branch_id as branch_id_current, {{ since_ever() }} as reached_on, cast(1.0 as double) as share, 0 as depth
    from {{ ref('int_branches') }}
    union all
    select
        walks.branch_id,
        edges.to_branch_id as branch_id_current,
        edges.effective_on as reached_on,
        walks.share * edges.share as share,
        walks.depth + 1 as depth
    from walks
    inner join edges on walks.branch_id_current = edges.from_branch_id and edges.effective_on >= walks.reached_on
    where walks.depth < 20
),

-- The share that each branch on a path passed on. A split branch that keeps its id keeps the share that it did not pass on.
passed_on as (
    select walks.branch_id, walks.branch_id_current, walks.depth, walks.reached_on, sum(edges.share) as share
    from walks
    inner join edges
        on
            walks.branch_id_current = edges.from_branch_id
            and edges.effective_on >= walks.reached_on
            and walks.depth < 20
    group by walks.branch_id, walks.branch_id_current, walks.depth, walks.reached_on
),

ends as (
    select
        walks.branch_id,
        walks.branch_id_current,
        sum(walks.share * (1 - coalesce(passed_on.share, 0))) as share
    from walks
    left join passed_on
        on
            walks.branch_id = passed_on.branch_id
            and walks.branch_id_current = passed_on.branch_id_current
            and walks.depth = passed_on.depth
            and walks.reached_on = passed_on.reached_on
    where coalesce(passed_on.share, 0) < 0.99999999
    group by walks.branch_id, walks.branch_id_current
)

select
    branch_id,
    branch_id_current,
    share,
    row_number() over (partition by branch_id order by share desc nulls last, branch_id_current) as weight_rank
from ends
