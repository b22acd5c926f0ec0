-- Goals of agreed plans, month by month, with what the open deals can still bring and what is planned against a shortfall.
with actions as (
    select plan_id, goal_id, count(*) as open_actions
    from {{ ref('int_plan_actions') }}
    where book = 'today' and status in ('open', 'overdue')
    group by plan_id, goal_id
),

progress as (
    select
        progress.*,
        scopes.partner_id,
        case progress.metric when 'won_amount' then covers.amount when 'deals_won' then covers.wins end as covered,
        -- An action that names no goal is for every goal of its plan.
        case
            when progress.is_current then coalesce(own.open_actions, 0) + coalesce(of_plan.open_actions, 0)
        end as open_actions
    from {{ ref('int_plan_progress') }} as progress
    left join {{ ref('int_scopes') }} as scopes
        on progress.scope = scopes.scope and progress.entity_id = scopes.entity_id and scopes.organisation = 'as_is'
    left join {{ ref('int_plan_cover') }} as covers
        on
            progress.scope = covers.scope and progress.entity_id = covers.entity_id
            and {{ month_number('progress.month') }} = covers.month_number
            and {{ month_number('progress.period_end') }} = covers.end_number
    left join actions as own on progress.plan_id = own.plan_id and progress.goal_id = own.goal_id
    left join actions as of_plan on progress.plan_id = of_plan.plan_id and of_plan.goal_id is null
)

select
    plan_id,
    goal_id,
    scope,
    entity_id,
    case when scope = 'branch' then entity_id end as branch_id,
    partner_id,
    metric,
    goal_type,
    period_start,
    period_end,
    month,
    is_complete,
    is_current,
    is_kept,
    original_target,
    target,
    actual as goal_actual,
    actual - target as variance,
    case when target != 0 then actual / target end as attainment_month,
    original_target_to_date,
    target_to_date,
    seasonal_target_to_date,
    actual_to_date,
    case when target_to_date != 0 then actual_to_date / target_to_date end as attainment,
    case when original_target_to_date != 0 then actual_to_date / original_target_to_date end as original_attainment,
    case when seasonal_target_to_date != 0 then actual_to_date / seasonal_target_to_date end as pacing,
    plan_target,
    missing_reason,
    shortfall,
    remaining_target,
    months_left,
    required_run_rate,
    case
        when is_current and months_left > 0 and metric in ('won_amount', 'deals_won') and remaining_target is not null
            then coalesce(covered, cast(0 as double))
    end as gap_cover_numerator,
    case
        when is_current and months_left > 0 and metric in ('won_amount', 'deals_won') then remaining_target
    end as gap_cover_denominator,
    case
        when is_current and months_left > 0 and metric in ('won_amount', 'deals_won') and remaining_target > 0
            then coalesce(covered, cast(0 as double)) / remaining_target
    end as gap_cover,
    cast(open_actions as bigint) as open_actions,
    coalesce(is_current and months_left > 0 and shortfall > 0 and open_actions = 0, false) as is_shortfall_without_action
from progress
