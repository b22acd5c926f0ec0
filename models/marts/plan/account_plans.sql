-- Every version of every account plan, with what makes it complete and how realistic it is. A plan without a goal, an action or an
-- owner is a document, not a plan.
with goals as (
    select * from {{ ref('int_plan_goal_counts') }}
),

actions as (
    select plan_id, count(*) as actions from {{ ref('int_plan_actions') }} where book = 'today' group by plan_id
),

years as (
    select plan_id, max(book) as book
    from {{ ref('int_plan_reviews') }}
    where book like 'year%'
    group by plan_id
),

forecasts as (
    select scope, entity_id, month, ends_on, forecast_amount_p10, forecast_amount_p50, forecast_amount_p90
    from {{ ref('forecast_history') }}
    where horizon = 'year'
),

plans as (
    select
        versions.*,
        scopes.entity_name, scopes.partner_id, scopes.division_id,
        goals.goals, goals.result_goals, actions.actions,
        ambitions.target, ambitions.yearly_target, ambitions.known_month, ambitions.won_amount_before, ambitions.feasibility_basis,
        ambitions.feasible_amount, ambitions.deals_won_t6m,
        years.book as followed_book
    from {{ ref('int_plan_versions') }} as versions
    left join {{ ref('int_scopes') }} as scopes
        on versions.scope = scopes.scope and versions.entity_id = scopes.entity_id and scopes.organisation = 'as_was'
    left join goals on versions.plan_id = goals.plan_id and versions.version = goals.version
    left join actions on versions.plan_id = actions.plan_id
    left join {{ ref('int_plan_ambitions') }} as ambitions on case when versions.is_current then versions.plan_id end = ambitions.plan_id
    left join years on versions.follows_plan_id = years.plan_id
    where versions.book = 'today'
)

select
    plans.plan_id,
    plans.version,
    plans.scope,
    plans.entity_id,
    plans.entity_name,
    case when plans.scope = 'branch' then plans.entity_id end as branch_id,
    plans.division_id,
    plans.partner_id,
    plans.period_start,
    plans.period_end,
    {{ fiscal_year('plans.period_start') }} as fiscal_year,
    plans.agreed_on,
    plans.agreed_by,
    plans.status as source_status,
    plans.is_agreed,
    plans.is_original,
    plans.is_current,
    plans.is_latest,
    plans.is_running,
    plans.owner_staff_id,
    plans.parent_plan_id,
    plans.follows_plan_id,
    case when plans.followed_book is not null then {{ dbt.concat(['plans.follows_plan_id', "' '", 'plans.followed_book']) }} end
        as derived_from_review_id,
    plans.partner_benefit,
    plans.vendor_benefit,
    plans.lessons,
    cast(coalesce(plans.result_goals, 0) as bigint) as result_goals,
    cast(coalesce(plans.goals, 0) - coalesce(plans.result_goals, 0) as bigint) as action_goals,
    cast(coalesce(plans.actions, 0) as bigint) as plan_actions,
    plans.partner_benefit is not null and plans.vendor_benefit is not null as has_both_benefits,
    coalesce(plans.goals, 0) > 0 and coalesce(plans.actions, 0) > 0 and plans.owner_staff_id is not null as is_plan_complete,
    {{ round_money('plans.target') }} as target_amount,
    {{ round_money('plans.yearly_target') }} as yearly_target_amount,
    {{ round_money('plans.won_amount_before') }} as amount_before,
    {{ round_money('plans.feasible_amount') }} as feasible_amount,
    plans.feasibility_basis,
    case when plans.feasible_amount > 0 then plans.yearly_target / plans.feasible_amount end as feasibility_index,
    case when plans.feasible_amount > 0 then plans.yearly_target / plans.feasible_amount > {{ var('feasibility_cap') }} end
        as is_too_ambitious,
    forecasts.forecast_amount_p10,
    forecasts.forecast_amount_p50,
    forecasts.forecast_amount_p90,
    case
        when plans.target < forecasts.forecast_amount_p10 then 'below'
        when plans.target <= forecasts.forecast_amount_p90 then 'within'
        when plans.target is not null and forecasts.forecast_amount_p90 is not null then 'above'
    end as forecast_position,
    -- Whether the plan should turn from goals for activities to goals for results.
    case
        when plans.is_running and plans.is_current
            then coalesce(plans.result_goals, 0) = 0 and coalesce(plans.deals_won_t6m, 0) >= {{ var('result_goal_wins') }}
    end as is_ready_for_result_goals
from plans
left join forecasts
    on
        plans.scope = forecasts.scope and plans.entity_id = forecasts.entity_id and plans.known_month = forecasts.month
        and plans.period_end = forecasts.ends_on
