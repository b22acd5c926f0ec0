-- Potential and result per branch and fiscal half. Potential comes from the profile as of the end of the half, not from
-- past sales. The weight of a feature that the profile lacks is given to the other features; without any feature the
-- score is unknown.
with halves as (
    select
        periods.fiscal_year,
        periods.fiscal_half,
        periods.first_month as period_start,
        least({{ add_days('periods.next_month', -1) }}, today.as_of) as period_end
    from ({{ fiscal_periods('half') }}) as periods
    cross join {{ ref('int_as_of') }} as today
),

-- Today's branches, in the halves in which they or a predecessor were open for at least a day.
branch_halves as (
    select distinct
        members.current_branch_id as branch_id,
        branches.current_partner_id as partner_id,
        halves.fiscal_year,
        halves.fiscal_half,
        halves.period_start,
        halves.period_end,
        cast({{ days_between('halves.period_start', 'halves.period_end') }} as double) / 91 as quarters
    from {{ ref('dim_branch') }} as members
    inner join {{ ref('dim_branch') }} as branches on members.current_branch_id = branches.branch_id
    inner join halves
        on
            not members.is_sentinel
            and coalesce(members.opened_on, {{ since_ever() }}) <= halves.period_end
            and coalesce(members.closed_on, {{ for_ever() }}) > halves.period_start
),

profiles as (
    select
        halves.branch_id, halves.period_start, profiles.sales_headcount, profiles.target_customer_overlap, profiles.customer_count,
        case when profiles.sells_competitor then 1 when not profiles.sells_competitor then 0 end as sells_competitor
    from branch_halves as halves
    inner join {{ ref('int_profiles') }} as profiles
        on
            halves.branch_id = profiles.branch_id
            and {{ is_within('halves.period_end', 'profiles.as_of', 'profiles.valid_to') }}
),

reported as (
    select
        profiles.branch_id, profiles.period_start, features.feature, features.weight, features.full_points_at,
        case features.feature
            when 'sales_headcount' then cast(profiles.sales_headcount as double)
            when 'target_customer_overlap' then cast(profiles.target_customer_overlap as double)
            when 'customer_count' then cast(profiles.customer_count as double)
            when 'sells_competitor' then cast(profiles.sells_competitor as double)
        end as reported_value
    from profiles
    cross join {{ ref('potential_features') }} as features
),

points as (
    select
        branch_id,
        period_start,
        feature,
        weight,
        -- Decimal, because a sum of floats depends on the order of its rows.
        cast(weight * least(reported_value / full_points_at, 1.0) as decimal(18, 6)) as points
    from reported
    where reported_value is not null
),

scores as (
    select
        branch_id,
        period_start,
        100 * cast(sum(points) as double) / sum(weight) as potential_score,
        sum(weight) as known_weight,
        cast(sum(case when feature = 'sales_headcount' then points end) as double) as points_headcount,
        cast(sum(case when feature = 'target_customer_overlap' then points end) as double) as points_overlap,
        cast(sum(case when feature = 'customer_count' then points end) as double) as points_customers,
        cast(sum(case when feature = 'sells_competitor' then points end) as double) as points_competitor
    from points
    group by branch_id, period_start
),

branches as (
    select entity_id as branch_id, branch_version_id
    from {{ ref('int_scope_bridge') }}
    where organisation = 'as_is' and scope = 'branch'
),

won as (
    select scopes.entity_id as branch_id, months.month, months.deals_won, months.won_amount
    from {{ ref('int_monthly') }} as months
    inner join {{ ref('int_scopes') }} as scopes on months.scope_key = scopes.scope_key
    where scopes.organisation = 'as_is' and scopes.scope = 'branch'
),

results as (
    select
        halves.branch_id,
        halves.period_start,
        sum(won.deals_won) as deals_won_t12m,
        sum(won.won_amount) as result
    from branch_halves as halves
    inner join won
        on
            halves.branch_id = won.branch_id
            and won.month <= halves.period_end
            and won.month > {{ add_months('halves.period_end', -12) }}
    group by halves.branch_id, halves.period_start
),

touches as (
    select
        halves.branch_id,
        halves.period_start,
        sum(case when activities.is_live then 1 else 0 end) as live_touches,
        sum(case when activities.is_mass then 1 else 0 end) as mass_touches
    from branch_halves as halves
    inner join branches on halves.branch_id = branches.branch_id
    inner join {{ ref('fct_activities') }} as activities
        on
            branches.branch_version_id = activities.branch_version_id
            and activities.occurred_on >= halves.period_start
            and activities.occurred_on <= halves.period_end
    where activities.status = 'held'
    group by halves.branch_id, halves.period_start
),

placed as (
    select
        halves.*,
        scores.potential_score,
        scores.known_weight,
        scores.points_headcount,
        scores.points_overlap,
        scores.points_customers,
        scores.points_competitor,
        coalesce(results.result, 0) as result,
        coalesce(results.deals_won_t12m, 0) as deals_won_t12m,
        case
            when scores.potential_score is null then 'unknown'
            when scores.potential_score >= {{ var('potential_cut') }} and coalesce(results.deals_won_t12m, 0) = 0
                then 'high_potential_no_result'
            when scores.potential_score >= {{ var('potential_cut') }} then 'high_potential_with_result'
            when coalesce(results.deals_won_t12m, 0) = 0 then 'low_potential_no_result'
            else 'low_potential_with_result'
        end as segment,
        case
            when coalesce(touches.live_touches, 0) >= {{ var('high_touch_per_quarter') }} * greatest(1.0, halves.quarters)
                then 'high_touch'
            when coalesce(touches.live_touches, 0) + coalesce(touches.mass_touches, 0) > 0 then 'tech_touch'
            else 'none'
        end as observed_mode
    from branch_halves as halves
    left join scores on halves.branch_id = scores.branch_id and halves.period_start = scores.period_start
    left join results on halves.branch_id = results.branch_id and halves.period_start = results.period_start
    left join touches on halves.branch_id = touches.branch_id and halves.period_start = touches.period_start
)

select
    branch_id,
    partner_id,
    fiscal_year,
    fiscal_half,
    period_start,
    period_end,
    potential_score,
    points_headcount,
    points_overlap,
    points_customers,
    points_competitor,
    cast(known_weight as integer) as known_weight,
    cast(result as {{ money_type() }}) as result,
    cast(deals_won_t12m as bigint) as deals_won_t12m,
    segment,
    case when segment like 'high%' then 'high_touch' when segment like 'low%' then 'tech_touch' end as support_mode,
    observed_mode,
    -- Potential without a result comes first, because support changes most there.
    case segment
        when 'high_potential_no_result' then 1
        when 'high_potential_with_result' then 2
        when 'low_potential_no_result' then 3
        when 'low_potential_with_result' then 4
    end as support_priority,
    case
        when segment = 'unknown' then 'No profile of the branch is known at the end of the half'
        else {{ dbt.concat([
            "'Potential '", "cast(cast(round(potential_score) as integer) as string)", "' of 100, '",
            "cast(deals_won_t12m as string)", "' wins in 12 months'"
        ]) }}
    end as reason
from placed
