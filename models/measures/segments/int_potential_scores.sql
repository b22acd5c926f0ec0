-- Potential of a branch at the end of a half by each version of the score, from 0 to 100.
select
    branch_id,
    period_start,
    period_end,
    version,
    max(is_in_force) as is_in_force,
    round(100 * cast(sum(points) as double) / sum(counted_weight), 6) as potential_score,
    sum(case when scaled_value is not null then weight else 0 end) as known_weight,
    sum(weight) as all_weight,
    max(profile_on) as profile_on,
    max(known_on) as known_on,
    max(is_inherited) as is_inherited
from {{ ref('int_potential_points') }}
group by branch_id, period_start, period_end, version
-- A profile without any of the features gives no score.
having sum(case when scaled_value is not null then weight else 0 end) > 0
