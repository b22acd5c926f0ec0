-- What the best quarter of comparable branches reach: the upper quartile of their estimates. Estimates lie nearer to each other
-- than the raw figures of a year, so that the luck of one branch does not set the benchmark. Comparable branches have the same
-- class of sales force and age, type of partner and area (int_branch_places). Where fewer than pooling_min_entities have the figure,
-- area is dropped first, then type of partner, age and size.
with last_month as (
    select max(month) as month from {{ ref('int_months') }} where is_complete
),

figures as (
    select 'wins_per_head' as rate_name, scope_key, month, estimate from {{ ref('int_wins_per_head') }}
    union all
    select rates.rate_name, places.scope_key, places.month, rates.estimated_rate as estimate
    from {{ ref('int_pooled_rates') }} as rates
    inner join {{ ref('int_branch_places') }} as places on rates.entity_id = places.entity_id
    inner join last_month on places.month = last_month.month
    where rates.scope = 'branch' and rates.rate_name not like 'pass%' and rates.rate_name != 'closed_late_rate'
),

levels as (
    select 1 as level, 'size, age, partner type, area' as peer_basis
    union all
    select 2 as level, 'size, age, partner type' as peer_basis
    union all
    select 3 as level, 'size, age' as peer_basis
    union all
    select 4 as level, 'size' as peer_basis
    union all
    select 5 as level, 'all' as peer_basis
),

members as (
    select
        figures.rate_name,
        figures.scope_key,
        figures.month,
        figures.estimate,
        levels.level,
        levels.peer_basis,
        {{ dbt.concat([
            "case when levels.level <= 4 then places.size_class else '' end", "'/'",
            "case when levels.level <= 3 then places.age_class else '' end", "'/'",
            "case when levels.level <= 2 then places.partner_type else '' end", "'/'",
            "case when levels.level <= 1 then places.area else '' end",
        ]) }} as peer_group
    from figures
    inner join {{ ref('int_branch_places') }} as places on figures.scope_key = places.scope_key and figures.month = places.month
    cross join levels
),

benchmarks as (
    select rate_name, month, level, peer_group, count(*) as peers, {{ quantile('estimate', 0.75) }} as benchmark
    from members
    group by rate_name, month, level, peer_group
    having count(*) >= {{ var('pooling_min_entities') }}
),

ranked as (
    select
        members.rate_name, members.scope_key, members.month, members.estimate, members.peer_basis,
        benchmarks.peers, benchmarks.benchmark,
        row_number() over (partition by members.rate_name, members.scope_key, members.month order by members.level nulls last) as nearness
    from members
    inner join benchmarks
        on
            members.rate_name = benchmarks.rate_name and members.month = benchmarks.month
            and members.level = benchmarks.level and members.peer_group = benchmarks.peer_group
)

select rate_name, scope_key, month, peer_basis, peers, benchmark
from ranked
where nearness = 1
