-- name: tree
-- table: kpi.revenue_decomposition
-- key: scope, entity_id, period_type, period_start
-- Won amount of partners = branches × salespeople per branch × wins per salesperson × average deal + wins without a salesperson.
select
    scope, entity_id, period_type, period_start, fiscal_year, fiscal_period, won_amount, previous_won_amount, change_amount, known_amount,
    previous_known_amount, unassigned_amount, previous_unassigned_amount, active_branches, previous_active_branches, reps_per_branch,
    previous_reps_per_branch, wins_per_rep, previous_wins_per_rep, average_deal, previous_average_deal, active_branches_effect,
    reps_per_branch_effect, wins_per_rep_effect, average_deal_effect, unassigned_effect, units_to_80
from kpi.revenue_decomposition
where
    scope = 'company' and period_type = 'half'
    and period_start = (
        select max(period_start) from kpi.revenue_decomposition where scope = 'company' and period_type = 'half' and is_complete
    )

-- name: funnel
-- table: kpi.bottlenecks
-- key: scope, entity_id, step
select scope, entity_id, step, step_order, window_start, window_end, entered, passed, pass_rate
from kpi.bottlenecks
where scope = 'company'
order by step_order

-- name: leaks
-- table: kpi.bottlenecks
-- key: scope, entity_id, step
select
    steps.scope, steps.entity_id, steps.step, coalesce(branches.branch_name, divisions.division_name, partners.partner_name) as entity_name,
    steps.branch_id, partners.partner_name, steps.entered, steps.passed, steps.estimated_rate, steps.interval_low, steps.interval_high,
    steps.reference_rate, steps.evidence, steps.lost_amount, steps.recommended_play, steps.recommended_play_ja, steps.play_evidence
from kpi.bottlenecks as steps
left join core.dim_branch as branches on steps.branch_id = branches.branch_id
left join core.dim_division as divisions on steps.scope = 'division' and steps.entity_id = divisions.division_id
left join core.dim_partner as partners on steps.partner_id = partners.partner_id
where steps.is_bottleneck
order by steps.scope, steps.lost_amount desc, steps.entity_id, steps.step

-- name: ages
-- table: kpi.pipeline
-- key: age_days
-- figure: open_deals = sum(open_deals)
-- figure: overdue_deals = sum(overdue_deals)
-- figure: pipeline_amount = sum(pipeline_amount)
-- figure: overdue_amount = sum(overdue_amount)
-- figure: pipeline_weighted = sum(pipeline_weighted)
select
    age_days, sum(open_deals) as open_deals, sum(overdue_deals) as overdue_deals, sum(pipeline_amount) as pipeline_amount,
    sum(overdue_amount) as overdue_amount, sum(pipeline_weighted) as pipeline_weighted
from kpi.pipeline
group by age_days
order by age_days

-- name: slipped
-- table: kpi.change_explained
-- key: pair, scope, entity_id, metric, cause
select pair, scope, entity_id, metric, cause, from_on, to_on, amount, deals
from kpi.change_explained
where pair = 'extract' and scope = 'company' and metric = 'pipeline_due' and cause = 'dates_slipped'

-- name: overdue
-- table: kpi.open_deals
-- key: deal_id
select
    deals.deal_id, deals.deal_name, deals.branch_id, branches.branch_name, deals.account_manager_name, deals.stage, deals.expected_close_on,
    deals.days_without_movement, deals.amount
from kpi.open_deals as deals
cross join ops.release as today
left join core.dim_branch as branches on deals.branch_id = branches.branch_id
where deals.expected_close_on < today.as_of
order by deals.amount desc nulls last, deals.deal_id
limit 300

-- name: prefectures
-- table: kpi.prefecture_coverage
-- key: prefecture, last_month
select prefecture, last_month, branches, producing_branches, is_covered, customers_won_amount, customers_won_amount_indirect
from kpi.prefecture_coverage
where last_month = (select max(last_month) from kpi.prefecture_coverage where is_complete)
order by customers_won_amount desc, prefecture
