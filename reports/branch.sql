-- name: branches
-- key: branch_id
select
    branches.branch_id, branches.branch_name, partners.partner_name, branches.partner_id, branches.division_name, branches.prefecture,
    branches.opened_on, staff.staff_name as account_manager, statuses.label_ja as status_ja, statuses.label as status,
    statuses.since as status_since, segments.segment, segments.support_mode
from core.dim_branch as branches
inner join core.dim_partner as partners on branches.partner_id = partners.partner_id
left join core.dim_account_manager as managers on branches.branch_id = managers.branch_id and managers.is_current
left join core.dim_staff as staff on managers.staff_id = staff.staff_id
left join kpi.status_today as statuses on statuses.entity_type = 'branch' and branches.branch_id = statuses.entity_id
left join segment.branch_segments as segments
    on
        branches.branch_id = segments.branch_id
        and segments.period_start = (
            select coalesce(max(case when each.period_end < today.as_of then each.period_start end), max(each.period_start))
            from segment.branch_segments as each cross join ops.release as today
        )
where not branches.is_sentinel and branches.closed_on is null
order by branches.branch_id

-- name: kpis
-- table: kpi.scorecard
-- key: scope, entity_id, month, metric
-- by: entity_id
select
    scores.scope, scores.entity_id, scores.month, scores.metric, scores.kpi_rank, scores.time_window, scores.actual, scores.actual_year_before,
    scores.target, scores.target_basis, scores.instead_of, scores.instead_of_reason, metrics.label_ja, metrics.label, metrics.unit
from kpi.scorecard as scores
inner join kpi.metrics as metrics on scores.metric = metrics.metric
where
    scores.scope = 'branch' and scores.kpi_rank is not null
    and scores.month = (select max(month) from kpi.scorecard where is_complete and scope = 'branch')
order by scores.entity_id, scores.kpi_rank

-- name: results
-- table: kpi.performance
-- key: scope, entity_id, month
-- by: entity_id
select scope, entity_id, month, won_amount_t12m, deals_won_t12m, win_rate_t12m_numerator, win_rate_t12m_denominator, win_rate_t12m, cycle_days, cycle_deals
from kpi.performance
where scope = 'branch' and month = (select max(month) from kpi.performance where is_complete)

-- name: goals
-- table: kpi.target_path
-- key: scope, entity_id, metric, period_start, deadline, month
-- by: entity_id
-- Goals of the branch that still run, each at its last complete month.
select
    paths.scope, paths.entity_id, paths.metric, paths.period_start, paths.deadline, paths.month, paths.target, paths.path_seasonal,
    paths.actual, paths.seasonal_gap, metrics.label_ja, metrics.label
from kpi.target_path as paths
inner join kpi.metrics as metrics on paths.metric = metrics.metric
cross join ops.release as today
where paths.scope = 'branch' and paths.deadline >= today.as_of
qualify
    row_number() over (
        partition by paths.entity_id, paths.metric, paths.period_start, paths.deadline
        order by paths.is_complete desc, case when paths.is_complete then paths.month end desc, paths.month
    ) = 1
order by paths.entity_id, paths.deadline, paths.metric

-- name: quiet
-- table: kpi.quiet_warnings
-- key: scope, entity_id, month, is_current
-- by: entity_id
select scope, entity_id, month, is_current, evidence, window_days, expected_deals, recent_deals, last_deal_on
from kpi.quiet_warnings
where scope = 'branch' and is_current and evidence <> 'none'

-- name: levers
-- table: kpi.rep_concentration
-- key: scope, entity_id, month
-- by: entity_id
select
    scope, entity_id, month, headcount, producing_reps, present_reps, effective_reps, top_rep_share, headroom_amount_min, lever, lever_evidence,
    lever_reason_ja, lever_reason
from kpi.rep_concentration
where scope = 'branch' and month = (select max(month) from kpi.rep_concentration where is_complete)

-- name: steps
-- table: kpi.bottlenecks
-- key: scope, entity_id, step
-- by: entity_id
select
    scope, entity_id, step, step_order, entered, passed, estimated_rate, interval_low, interval_high, reference_rate, evidence, is_bottleneck,
    lost_amount, recommended_play, recommended_play_ja
from kpi.bottlenecks
where scope = 'branch'
order by entity_id, step_order

-- name: deals
-- table: kpi.open_deals
-- key: deal_id
-- by: branch_id
select
    deals.deal_id, deals.branch_id, deals.deal_name, customers.customer_name, reps.rep_name, deals.stage, deals.stage_entered_on,
    deals.days_without_movement, deals.expected_close_on, deals.expected_close_on < today.as_of as is_overdue, deals.amount
from kpi.open_deals as deals
cross join ops.release as today
left join core.dim_customer as customers on deals.customer_id = customers.customer_id
left join core.dim_rep as reps on deals.rep_id = reps.rep_id and not reps.is_sentinel
order by deals.days_without_movement desc, deals.deal_id

-- name: people
-- words: core.dim_rep, kpi.rep_monthly, kpi.status_today
-- key: rep_id
-- by: branch_id
-- The salespeople of the branch by their rung, the highest first.
select
    reps.rep_id, reps.current_branch_id as branch_id, reps.rep_name, reps.job_title, statuses.label_ja as rung_ja, statuses.label as rung,
    statuses.since, statuses.is_stuck, sold.deals_won, sold.won_amount
from core.dim_rep as reps
left join kpi.status_today as statuses on statuses.entity_type = 'rep' and reps.rep_id = statuses.entity_id
left join kpi.status_ladder as ladder on ladder.entity_type = 'rep' and statuses.status = ladder.status
left join (
    select rep_id, sum(deals_won) as deals_won, sum(won_amount) as won_amount
    from kpi.rep_monthly
    where is_complete and month > (select max(month) - interval 12 month from kpi.rep_monthly where is_complete)
    group by rep_id
) as sold on reps.rep_id = sold.rep_id
where not reps.is_sentinel and reps.left_on is null and reps.current_branch_id is not null
order by ladder.step desc nulls last, sold.won_amount desc nulls last, reps.rep_id

-- name: calls
-- table: kpi.people_worklist
-- key: rep_id, reason
-- by: branch_id
select rep_id, reason, branch_id, rep_name, meaning_ja, meaning, evidence, last_contact_on, call_value
from kpi.people_worklist
order by reason_order, call_value desc nulls last, rep_id

-- name: actions
-- table: core.fct_activities
-- key: activity_id
-- by: branch_id_current
select
    actions.activity_id, actions.branch_id_current, actions.next_action, actions.next_action_due_on, actions.occurred_on, actions.activity_type,
    staff.staff_name, actions.next_action_due_on < today.as_of as is_overdue
from core.fct_activities as actions
cross join ops.release as today
left join core.dim_staff as staff on actions.staff_id = staff.staff_id
where
    actions.next_action is not null and actions.next_action_done_on is null and actions.branch_id_current is not null
    and actions.next_action_due_on >= today.as_of - interval 90 day
order by abs(actions.next_action_due_on - today.as_of), actions.activity_id

-- name: timeline
-- table: kpi.branch_timeline
-- key: branch_id, happened_on, event_type, source_id
-- by: branch_id
select branch_id, happened_on, event_type, source_id, subject, amount
from kpi.branch_timeline
qualify row_number() over (partition by branch_id order by happened_on desc, event_type, source_id) <= 40
order by branch_id, happened_on desc, event_type, source_id

-- name: sisters
-- key: branch_id, product_family
-- by: branch_id
-- What the other branches of the partner won in twelve months, and what this branch won.
with wins as (
    select deals.branch_id_current as branch_id, deals.partner_id, products.product_family, count(*) as wins
    from core.fct_deals as deals
    inner join core.dim_product as products on deals.product_id = products.product_id
    cross join ops.release as today
    where deals.status = 'won' and deals.is_counted and deals.won_on > today.as_of - interval 12 month
    group by deals.branch_id_current, deals.partner_id, products.product_family
)

select
    branches.branch_id, wins.product_family, sum(case when wins.branch_id = branches.branch_id then wins.wins else 0 end) as own_wins,
    sum(case when wins.branch_id <> branches.branch_id then wins.wins else 0 end) as sister_wins,
    count(distinct case when wins.branch_id <> branches.branch_id then wins.branch_id end) as sister_branches
from core.dim_branch as branches
inner join wins on branches.partner_id = wins.partner_id
where not branches.is_sentinel and branches.closed_on is null
group by branches.branch_id, wins.product_family
order by branches.branch_id, sister_wins desc, wins.product_family

-- name: plan
-- table: plan.account_plans
-- key: plan_id, version
-- by: branch_id
-- The plan of the branch that runs, in its last version; without one, the last that ended.
select
    plans.plan_id, plans.version, plans.branch_id, plans.period_start, plans.period_end, plans.is_agreed, plans.is_running, plans.agreed_by,
    plans.partner_benefit, plans.vendor_benefit, plans.target_amount, plans.feasible_amount, plans.feasibility_index,
    plans.is_too_ambitious, plans.forecast_position, staff.staff_name as owner_name
from plan.account_plans as plans
cross join ops.release as today
left join core.dim_staff as staff on plans.owner_staff_id = staff.staff_id
where plans.scope = 'branch' and plans.is_latest and plans.period_start <= today.as_of
qualify row_number() over (partition by plans.branch_id order by plans.is_running desc, plans.period_end desc, plans.plan_id) = 1
order by plans.branch_id

-- name: plan_goals
-- table: plan.plan_progress
-- key: plan_id, goal_id, month
-- by: entity_id
select
    goals.plan_id, goals.goal_id, goals.month, goals.entity_id, goals.goal_type, goals.metric, goals.period_end, goals.target_to_date,
    goals.seasonal_target_to_date, goals.actual_to_date, goals.pacing, goals.shortfall, goals.required_run_rate, goals.months_left,
    goals.gap_cover, goals.open_actions, goals.is_shortfall_without_action
from plan.plan_progress as goals
where goals.scope = 'branch' and goals.is_current and goals.is_kept
order by goals.entity_id, goals.goal_type desc, goals.plan_id, goals.goal_id

-- name: plan_actions
-- table: plan.plan_actions
-- key: action_id
-- by: branch_id
select
    actions.action_id, actions.branch_id, actions.action_type, actions.due_on, actions.done_on, actions.status, actions.days_overdue,
    actions.owner_side, actions.owner_staff_name
from plan.plan_actions as actions
cross join ops.release as today
where
    actions.scope = 'branch' and actions.is_agreed and actions.status <> 'cancelled'
    and actions.due_on >= today.as_of - (case when actions.status = 'overdue' then interval 365 day else interval 90 day end)
order by actions.branch_id, actions.due_on, actions.action_id

-- name: review
-- table: plan.plan_review
-- key: review_id
-- by: branch_id
-- The last half and year of the branch's plans that closed, as known then.
select
    review_id, branch_id, period_type, period_start, period_end, review_target_amount, review_actual_amount, review_attainment, actions_due,
    actions_on_time, corrected_amount_now, lessons_now
from plan.plan_review
where scope = 'branch'
qualify row_number() over (partition by branch_id order by period_end desc, period_type, review_id) <= 3
order by branch_id, period_end desc, period_type, review_id

-- name: budget
-- table: plan.next_budget
-- key: scope, entity_id
-- by: entity_id
select
    scope, entity_id, fiscal_year, run_rate_amount, proposed_amount, proposal_basis, proposal_reason, proposal_reason_ja, set_amount,
    set_status
from plan.next_budget
where scope = 'branch'

-- name: pack
-- table: plan.qbr_pack
-- key: branch_id, period_start
-- by: branch_id
-- What only the vendor needs for the next business review; the pack itself is in the edition for the branch.
select
    packs.branch_id, packs.period_start, packs.fiscal_year, packs.fiscal_quarter, packs.head_since, packs.is_relationship_reset,
    packs.forecast_amount_p10, packs.forecast_amount_p50, packs.forecast_amount_p90, packs.qbr_on, packs.is_executive_present,
    heads.rep_name as head_name
from plan.qbr_pack as packs
left join core.dim_rep as heads on packs.branch_head_rep_id = heads.rep_id
where packs.period_end = (select max(period_end) from plan.qbr_pack)
