-- name: counts
-- Account plans in one line: goals for results behind their seasonal course, goals behind that nobody acts on, overdue actions.
select goals.*, actions.overdue
from (
    select
        count(*) filter (where goal_type = 'result') as result_goals,
        count(*) filter (where goal_type = 'result' and pacing < 1) as behind,
        count(*) filter (where is_shortfall_without_action) as without_action
    from plan.plan_progress
    where is_current and is_kept
) as goals
cross join (
    select count(*) as overdue
    from plan.plan_actions as due
    inner join plan.account_plans as plans on due.plan_id = plans.plan_id and plans.is_current
    cross join ops.release as today
    where due.is_agreed and due.status = 'overdue' and plans.period_end >= today.as_of - interval 90 day
) as actions

-- name: coverage
-- table: plan.plan_coverage
-- key: scope, entity_id, period_start
-- Focus branches with a plan and a business review, the last six quarters; the current one is not over.
select
    scope, entity_id, period_start, fiscal_year, fiscal_quarter, as_of, is_complete, plan_coverage_numerator, plan_coverage_denominator,
    plan_coverage, agreement_rate_denominator, agreement_rate, goal_maturity_denominator, goal_maturity, qbr_coverage_numerator,
    qbr_coverage_denominator, qbr_coverage, exec_attended_share_denominator, exec_attended_share
from plan.plan_coverage
where scope = 'company'
order by period_start desc
limit 6

-- name: execution
-- table: plan.plan_execution
-- key: scope, entity_id, period_type, period_start
-- Were actions done by their day, and meetings held? The last six months that are over.
select
    scope, entity_id, period_type, period_start, action_on_time_numerator, action_on_time_denominator, action_on_time, actions_late,
    actions_overdue, cadence_numerator, cadence_denominator, cadence, next_action_rate_denominator, next_action_rate
from plan.plan_execution
where scope = 'company' and period_type = 'month' and is_complete
order by period_start desc
limit 6

-- name: goals
-- table: plan.plan_progress
-- key: plan_id, goal_id, month
-- Each goal in the last complete month, those behind without an action first.
select
    goals.plan_id, goals.goal_id, goals.month, goals.scope, goals.entity_id, goals.branch_id, plans.entity_name, partners.partner_name,
    plans.period_end, staff.staff_name as owner_name,
    goals.metric, goals.goal_type, goals.target_to_date, goals.seasonal_target_to_date, goals.actual_to_date, goals.pacing,
    goals.attainment,
    goals.shortfall, goals.required_run_rate, goals.gap_cover, goals.months_left, goals.open_actions, goals.is_shortfall_without_action,
    goals.plan_target, goals.missing_reason, metrics.unit
from plan.plan_progress as goals
inner join plan.account_plans as plans on goals.plan_id = plans.plan_id and plans.is_current
left join kpi.metrics as metrics on goals.metric = metrics.metric
left join core.dim_partner as partners on plans.partner_id = partners.partner_id and plans.scope <> 'partner'
left join core.dim_staff as staff on plans.owner_staff_id = staff.staff_id
where goals.is_current and goals.is_kept
order by goals.is_shortfall_without_action desc, goals.shortfall > 0 desc, goals.pacing nulls last, goals.plan_id, goals.goal_id

-- name: course
-- table: plan.plan_progress
-- key: plan_id, goal_id, month
-- The months of the goals for results above: target, seasonal target and result to date.
select plan_id, goal_id, month, target_to_date, seasonal_target_to_date, actual_to_date, is_complete
from plan.plan_progress
where
    goal_type = 'result' and is_kept
    and (plan_id, goal_id) in (
        select (latest.plan_id, latest.goal_id) from plan.plan_progress as latest where latest.is_current
    )
order by plan_id, goal_id, month

-- name: actions
-- table: plan.plan_actions
-- key: action_id
-- What is overdue or due in agreed plans that run or ended within a quarter.
select
    actions.action_id, actions.plan_id, actions.branch_id, actions.entity_name, partners.partner_name, actions.action_type,
    actions.owner_side, actions.owner_staff_name,
    actions.due_on, actions.status, actions.days_overdue
from plan.plan_actions as actions
inner join plan.account_plans as plans on actions.plan_id = plans.plan_id and plans.is_current
cross join ops.release as today
left join core.dim_partner as partners on actions.partner_id = partners.partner_id and actions.scope <> 'partner'
where actions.is_agreed and actions.status in ('overdue', 'open') and plans.period_end >= today.as_of - interval 90 day
order by actions.status desc, actions.due_on, actions.action_id

-- name: plans
-- table: plan.account_plans
-- key: plan_id, version
-- The plans that run today in their last version, agreed or not.
select
    plans.plan_id, plans.version, plans.scope, plans.branch_id, plans.entity_name, partners.partner_name, plans.period_start,
    plans.period_end, plans.is_agreed,
    plans.agreed_on, plans.is_plan_complete, plans.result_goals, plans.action_goals, plans.target_amount, plans.feasible_amount,
    plans.feasibility_basis, plans.feasibility_index, plans.is_too_ambitious, plans.forecast_position, staff.staff_name as owner_name
from plan.account_plans as plans
left join core.dim_staff as staff on plans.owner_staff_id = staff.staff_id
left join core.dim_partner as partners on plans.partner_id = partners.partner_id and plans.scope <> 'partner'
where plans.is_latest and plans.is_running
order by plans.is_agreed, plans.is_too_ambitious desc nulls last, plans.feasibility_index desc nulls last, plans.plan_id

-- name: reviews
-- table: plan.plan_review
-- key: review_id
-- The period that closed last, as known at its close.
select
    reviews.review_id, reviews.plan_id, reviews.branch_id, plans.entity_name, partners.partner_name, reviews.scope, reviews.period_type,
    reviews.period_start,
    reviews.period_end, reviews.known_on, reviews.measured_goals, reviews.reached_goals, reviews.review_target_amount,
    reviews.review_actual_amount, reviews.review_attainment, reviews.actions_due, reviews.actions_on_time, reviews.corrected_amount_now,
    reviews.lessons_now
from plan.plan_review as reviews
inner join plan.account_plans as plans on reviews.plan_id = plans.plan_id and plans.is_current
left join core.dim_partner as partners on plans.partner_id = partners.partner_id and plans.scope <> 'partner'
where reviews.period_end = (select max(period_end) from plan.plan_review)
order by reviews.period_type, reviews.review_attainment desc nulls last, reviews.review_id

-- name: company_budget
-- table: plan.next_budget
-- key: scope, entity_id
select scope, entity_id, fiscal_year, as_of_month, branches, run_rate_amount, proposed_amount, set_amount, set_status, set_gap_amount
from plan.next_budget
where scope = 'company'

-- name: budget
-- table: plan.next_budget
-- key: scope, entity_id
-- A proposal of the next fiscal year for each branch. It is no target.
select
    budgets.scope, budgets.entity_id, budgets.branch_id, budgets.entity_name, partners.partner_name, budgets.run_rate_amount,
    budgets.proposed_amount,
    budgets.proposal_basis, budgets.set_amount, budgets.set_status, budgets.set_gap_amount, budgets.proposal_reason,
    budgets.proposal_reason_ja
from plan.next_budget as budgets
left join core.dim_partner as partners on budgets.partner_id = partners.partner_id
where budgets.scope = 'branch' and (budgets.proposed_amount > 0 or budgets.set_amount is not null)
order by budgets.proposed_amount desc nulls last, budgets.entity_id
