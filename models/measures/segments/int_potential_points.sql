-- What each feature of each version of the score gives a branch, by its profile as known at the end of a half. A
-- branch's own profile comes before figures of its company. Past sales play no part.
with profiles as (
    select
        profiles.*,
        halves.period_start,
        halves.period_end,
        row_number() over (
            partition by profiles.branch_id, halves.period_start
            order by case when profiles.is_inherited then 1 else 0 end, profiles.valid_from desc nulls last
        ) as closeness
    from {{ ref('int_halves') }} as halves
    inner join {{ ref('int_known_profiles') }} as profiles
        on {{ is_within('halves.period_end', 'profiles.valid_from', 'profiles.valid_to') }}
    inner join {{ ref('dim_branch') }} as branches
        on
            profiles.branch_id = branches.branch_id
            and not branches.is_sentinel
            and coalesce(branches.opened_on, {{ since_ever() }}) <= halves.period_end
            and coalesce(branches.closed_on, {{ for_ever() }}) > halves.period_start
),

reported as (
    select
        profiles.branch_id,
        profiles.period_start,
        profiles.period_end,
        profiles.profile_on,
        profiles.valid_from as known_on,
        profiles.is_inherited,
        profiles.source,
        features.version,
        features.feature,
        features.transform,
        features.weight,
        features.full_points_at,
        features.missing_rule,
        {{ is_within('profiles.period_start', 'features.valid_from', 'coalesce(features.valid_to, ' ~ for_ever() ~ ')') }}
            as is_in_force,
        {{ feature_value('features.feature', 'profiles') }} as reported_value
    from profiles
    cross join {{ ref('potential_features') }} as features
    where profiles.closeness = 1
),

scaled as (
    select
        *,
        -- Decimal, because a sum of floats depends on the order of its rows, and engines differ in the last digit of a logarithm.
        case
            when reported_value is not null
                then cast({{ scaled_feature('transform', 'reported_value', 'full_points_at') }} as decimal(9, 6))
        end as scaled_value
    from reported
)

select
    branch_id,
    period_start,
    period_end,
    version,
    is_in_force,
    feature,
    weight,
    reported_value,
    scaled_value,
    -- reweight: the other features take over the weight of a missing one. zero: it gives no points.
    case when scaled_value is not null or missing_rule = 'zero' then weight else 0 end as counted_weight,
    cast(weight * coalesce(scaled_value, 0) as decimal(18, 6)) as points,
    profile_on,
    known_on,
    is_inherited,
    source
from scaled
