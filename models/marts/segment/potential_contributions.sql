-- Closed branches stay, because a check of the score without them would flatter it.
select
    points.branch_id,
    branches.current_partner_id as partner_id,
    {{ fiscal_year('points.period_start') }} as fiscal_year,
    {{ fiscal_half('points.period_start') }} as fiscal_half,
    points.period_start,
    points.period_end,
    points.version,
    points.feature,
    cast(points.weight as integer) as weight,
    points.reported_value,
    cast(points.scaled_value as double) as scaled_value,
    case when points.scaled_value is not null then cast(points.points as double) end as points,
    -- What the feature adds to the score of 0 to 100, after the weight of missing ones was given to the others.
    round(100 * cast(points.points as double) / nullif(
        sum(points.counted_weight) over (partition by points.branch_id, points.period_start, points.version), 0
    ), 6) as score_points,
    points.profile_on,
    cast({{ days_between('points.profile_on', 'points.period_end') }} as integer) as profile_age_days,
    points.known_on,
    points.is_inherited,
    points.source
from {{ ref('int_potential_points') }} as points
inner join {{ ref('dim_branch') }} as branches on points.branch_id = branches.branch_id
where points.is_in_force
