-- Cut lines of the map per half and version of the score. A quantile is taken over the branches that were open at the
-- end of the half before, so that nothing in a half moves its own cut line. The first half with scores uses its own.
with open_branches as (
    select branches.branch_id, halves.period_start
    from {{ ref('int_halves') }} as halves
    inner join {{ ref('dim_branch') }} as branches
        on
            not branches.is_sentinel
            and coalesce(branches.opened_on, {{ since_ever() }}) <= halves.period_end
            and coalesce(branches.closed_on, {{ for_ever() }}) > halves.period_end
),

bases as (
    select period_start, previous_start as base_start, 1 as preference from {{ ref('int_halves') }} where previous_start is not null
    union all
    select period_start, period_start as base_start, 2 as preference from {{ ref('int_halves') }}
),

rules as (
    select halves.period_start, cuts.axis, cuts.rule, cuts.value
    from {{ ref('int_halves') }} as halves
    inner join {{ ref('segment_cuts') }} as cuts
        on {{ is_within('halves.period_start', 'cuts.valid_from', 'coalesce(cuts.valid_to, ' ~ for_ever() ~ ')') }}
),

versions as (
    select
        halves.period_start,
        features.version,
        max({{ is_within('halves.period_start', 'features.valid_from', 'coalesce(features.valid_to, ' ~ for_ever() ~ ')') }})
            as is_in_force
    from {{ ref('int_halves') }} as halves
    cross join {{ ref('potential_features') }} as features
    group by halves.period_start, features.version
),

placed as (
    select
        bases.period_start, bases.base_start, bases.preference, versions.version, scores.potential_score,
        coalesce(results.result, 0) as result
    from bases
    inner join versions on bases.period_start = versions.period_start
    inner join open_branches on bases.base_start = open_branches.period_start
    left join {{ ref('int_potential_scores') }} as scores
        on
            open_branches.branch_id = scores.branch_id and bases.base_start = scores.period_start
            and versions.version = scores.version
    left join {{ ref('int_half_results') }} as results
        on open_branches.branch_id = results.branch_id and bases.base_start = results.period_start
),

-- Both axes one below the other, because the same rule may hold for either.
axis_values as (
    select period_start, version, base_start, preference, 'potential' as axis, potential_score as axis_value
    from placed
    where potential_score is not null
    union all
    select period_start, version, base_start, preference, 'result' as axis, cast(result as double) as axis_value
    from placed
),

ranked as (
    select
        *,
        row_number() over (partition by period_start, version, axis, preference order by axis_value nulls last) as place,
        count(*) over (partition by period_start, version, axis, preference) as branches
    from axis_values
),

-- The lowest value that has the stated share of branches before it. Over few branches it would move with each of them.
quantiles as (
    select
        ranked.period_start, ranked.version, ranked.axis, ranked.base_start, ranked.branches,
        min(ranked.axis_value) as quantile_value,
        row_number() over (partition by ranked.period_start, ranked.version, ranked.axis order by ranked.preference) as choice
    from ranked
    inner join rules on ranked.period_start = rules.period_start and ranked.axis = rules.axis
    where rules.rule = 'quantile' and ranked.place - 1 >= rules.value * ranked.branches
    group by ranked.period_start, ranked.version, ranked.axis, ranked.base_start, ranked.branches, ranked.preference
    having ranked.branches >= {{ var('pooling_min_entities') }}
)

select
    rules.period_start,
    versions.version,
    versions.is_in_force,
    rules.axis,
    case when rules.rule = 'quantile' and quantiles.axis is null then 'number' else rules.rule end as rule,
    case when rules.rule = 'quantile' then cast(rules.value as double) end as quantile_share,
    case
        when rules.rule = 'number' then cast(rules.value as double)
        when quantiles.axis is not null then quantiles.quantile_value
        when rules.axis = 'potential' then cast({{ var('potential_cut') }} as double)
        else cast({{ var('result_cut') }} as double)
    end as cut_value,
    quantiles.base_start,
    quantiles.branches
from rules
inner join versions on rules.period_start = versions.period_start
left join quantiles
    on
        rules.period_start = quantiles.period_start and versions.version = quantiles.version
        and rules.axis = quantiles.axis and quantiles.choice = 1
