-- Fails where a branch is lost or counted twice between the map, its roll-up and its migration, where the contributions of the features
-- are not the score, or where a half has no or two versions of the score.
{{ config(meta={'dagster': {'ref': {'name': 'branch_segments'}}}) }}

with on_the_map as (
    select period_start, count(*) as branches from {{ ref('branch_segments') }} group by period_start
),

rolled_up as (
    select scope, period_start, sum(branches) as branches
    from {{ ref('segment_rollup') }}
    where scope in ('company', 'partner')
    group by scope, period_start
),

moved as (
    select
        period_start,
        sum(case when to_segment != 'not_open' then branches else 0 end) as branches,
        sum(case when from_segment != 'not_open' then branches else 0 end) as branches_before,
        min(previous_start) as previous_start
    from {{ ref('segment_migration') }}
    group by period_start
),

contributed as (
    select branch_id, period_start, sum(score_points) as score
    from {{ ref('potential_contributions') }}
    group by branch_id, period_start
)

select 'branches of the roll-up' as what, cast(rolled_up.period_start as string) as place, rolled_up.scope as detail
from rolled_up
left join on_the_map on rolled_up.period_start = on_the_map.period_start
where rolled_up.branches is distinct from on_the_map.branches
union all
select 'branches after a migration' as what, cast(moved.period_start as string) as place, cast(moved.branches as string) as detail
from moved
left join on_the_map on moved.period_start = on_the_map.period_start
left join on_the_map as before on moved.previous_start = before.period_start
where moved.branches is distinct from on_the_map.branches or moved.branches_before is distinct from before.branches
union all
select 'contributions to a score' as what, segments.branch_id as place, cast(segments.period_start as string) as detail
from {{ ref('branch_segments') }} as segments
left join contributed
    on segments.branch_id = contributed.branch_id and segments.period_start = contributed.period_start
where
    segments.potential_score is not null
    and (contributed.score is null or abs(segments.potential_score - contributed.score) > 0.0001)
union all
select 'versions in force' as what, cast(period_start as string) as place, axis as detail
from {{ ref('cut_lines') }}
group by period_start, axis
having sum(case when is_in_force then 1 else 0 end) != 1
