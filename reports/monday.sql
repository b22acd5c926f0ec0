-- name: kgi
-- table: kpi.target_path
-- key: scope, entity_id, metric, period_start, deadline, month
-- where: scope = 'company'
-- The targets of the company that still run, each at its last complete month; the first row is the one of money.
select
    paths.scope, paths.entity_id, paths.metric, paths.period_start, paths.deadline, paths.month, paths.target, paths.path,
    paths.path_seasonal, paths.actual, paths.seasonal_gap, paths.path_gap, paths.missing_reason, paths.outcome,
    metrics.label_ja, metrics.label, metrics.unit
from kpi.target_path as paths
inner join kpi.metrics as metrics on paths.metric = metrics.metric
cross join ops.release as today
where paths.scope = 'company' and paths.deadline >= today.as_of
qualify
    row_number() over (
        partition by paths.metric, paths.period_start, paths.deadline
        order by paths.is_complete desc, case when paths.is_complete then paths.month end desc, paths.month
    ) = 1
order by (metrics.unit = 'JPY') desc, paths.period_start desc nulls last, paths.deadline, paths.metric

-- name: over
-- table: kpi.target_path
-- key: scope, entity_id, metric, period_start, deadline, month
-- The target of money that ended last.
select scope, entity_id, metric, period_start, deadline, month, target, result, outcome
from kpi.target_path
where scope = 'company' and metric = 'won_amount' and outcome in ('reached', 'missed') and month <= deadline and period_start is not null
order by deadline desc, month desc
limit 1

-- name: path
-- table: kpi.target_path
-- key: metric, scope, entity_id, period_start, deadline, month
-- All months of the target of money that runs.
select metric, scope, entity_id, period_start, deadline, month, target, path_seasonal, actual, is_complete
from kpi.target_path
where
    scope = 'company' and metric = 'won_amount' and period_start is not null
    and period_start = (
        select max(paths.period_start) from kpi.target_path as paths cross join ops.release as today
        where paths.scope = 'company' and paths.metric = 'won_amount' and paths.period_start <= today.as_of
    )
order by deadline, month

-- name: landing
-- words: kpi.forecast_history, kpi.target_path
-- key: horizon
-- What was won in the target's period up to the last month end, plus what the forecast expects until the quarter and the year end.
select
    forecasts.horizon, forecasts.forecast_on, forecasts.ends_on, forecasts.open_deals,
    coalesce(won.amount, 0) as won_so_far,
    coalesce(won.amount, 0) + forecasts.forecast_amount_p10 as landing_p10,
    coalesce(won.amount, 0) + forecasts.forecast_amount_p50 as landing_p50,
    coalesce(won.amount, 0) + forecasts.forecast_amount_p90 as landing_p90,
    path.path_seasonal,
    path.target,
    case
        when path.path_seasonal is null then 'no_target'
        when coalesce(won.amount, 0) + forecasts.forecast_amount_p10 >= path.path_seasonal then 'on_path'
        when coalesce(won.amount, 0) + forecasts.forecast_amount_p90 < path.path_seasonal then 'below_path'
        else 'open_path'
    end as verdict
from kpi.forecast_history as forecasts
left join (
    select date_trunc('month', deadline) as deadline_month, period_start, deadline, month, path_seasonal, target
    from kpi.target_path
    where scope = 'company' and metric = 'won_amount' and period_start is not null
) as path
    on
        path.month = date_trunc('month', forecasts.ends_on)
        and path.period_start <= forecasts.ends_on and path.deadline >= forecasts.ends_on
left join (
    select starts.period_start, sum(months.won_amount) as amount
    from (select distinct period_start from kpi.target_path where scope = 'company' and metric = 'won_amount') as starts
    inner join kpi.company_monthly as months on months.month >= starts.period_start and months.is_complete
    group by starts.period_start
) as won on path.period_start = won.period_start
where forecasts.scope = 'company' and forecasts.is_current
order by forecasts.ends_on, path.deadline

-- name: kpis
-- table: kpi.scorecard
-- key: scope, entity_id, month, metric
select
    scores.scope, scores.entity_id, scores.month, scores.metric, scores.kpi_rank, scores.phase, scores.channel, scores.time_window,
    scores.actual, scores.actual_year_before, scores.target, scores.target_basis, scores.gap, scores.instead_of,
    scores.instead_of_reason, metrics.label_ja, metrics.label, metrics.unit, metrics.direction
from kpi.scorecard as scores
inner join kpi.metrics as metrics on scores.metric = metrics.metric
where
    scores.scope = 'company' and scores.kpi_rank is not null
    and scores.month = (select max(month) from kpi.scorecard where is_complete and scope = 'company')
order by scores.kpi_rank

-- name: bands
-- key: metric
-- The noise of a KPI, as in a process behaviour chart. The limits are 2.66 mean steps from month to month around the mean of
-- twelve earlier figures. A figure of n months shares n - 1 of them with that of the month before, so its steps are smaller than
-- its noise by the root of n, and no earlier figure shares a month with the last one. Figures of the first
-- months, which have a part of their n months only, do not count. A figure that adds up over a year has no such limits.
with windows as (
    select * from (values
        ('month', 1), ('as of', 1), ('3 months', 3), ('trailing 6 months', 6), ('trailing 12 months', 12), ('cohort of 12 months', 12)
    ) as windows (time_window, n)
),

figures as (
    select
        scores.metric, scores.month, scores.actual, windows.n,
        scores.actual - lag(scores.actual) over (partition by scores.metric order by scores.month) as step,
        date_diff('month', scores.month, max(scores.month) over (partition by scores.metric)) as months_ago
    from kpi.scorecard as scores
    inner join windows on scores.time_window = windows.time_window
    where
        scores.scope = 'company' and scores.is_complete
        and scores.month >= (select min(month) from kpi.scorecard where scope = 'company') + to_months(cast(windows.n - 1 as integer))
),

baselines as (
    select
        metric, n, avg(case when months_ago between n and n + 11 then actual end) as middle,
        count(case when months_ago between n and n + 11 then actual end) as months,
        avg(case when months_ago between 1 and 12 then abs(step) end) as mean_step
    from figures
    group by metric, n
)

select metric, n, months, middle, middle - 2.66 * sqrt(n) * mean_step as low, middle + 2.66 * sqrt(n) * mean_step as high
from baselines
order by metric

-- name: kpi_months
-- table: kpi.scorecard
-- key: scope, entity_id, metric, month
select scope, entity_id, metric, month, actual
from kpi.scorecard
where
    scope = 'company' and is_complete
    and metric in (
        select metric from kpi.scorecard
        where scope = 'company' and kpi_rank is not null and month = (select max(month) from kpi.scorecard where is_complete and scope = 'company')
    )
    and month >= (select max(month) - interval 12 month from kpi.scorecard where is_complete and scope = 'company')
order by metric, month

-- name: pairs
-- table: kpi.change_pairs
-- key: pair
select pair, from_on, to_on, from_known_on, to_known_on, missing_reason from kpi.change_pairs
where pair in ('extract', 'monday') order by pair

-- name: changes
-- table: kpi.change_explained
-- key: pair, scope, entity_id, metric
-- where: scope = 'company'
-- figure: from_value = max(from_value)
-- figure: to_value = max(to_value)
-- figure: change = max(change)
-- figure: new_business = sum(case when cause = 'new_business' then amount end)
-- figure: corrected = sum(case when cause = 'corrected' then amount end)
-- figure: reorganised = sum(case when cause = 'reorganised' then amount end)
-- figure: people_moved = sum(case when cause = 'people_moved' then amount end)
-- figure: dates_slipped = sum(case when cause = 'dates_slipped' then amount end)
-- figure: rules_changed = sum(case when cause = 'rules_changed' then amount end)
select
    parts.pair, parts.scope, parts.entity_id, parts.metric, labels.label_ja, labels.label,
    max(parts.from_value) as from_value, max(parts.to_value) as to_value, max(parts.change) as change,
    sum(case when parts.cause = 'new_business' then parts.amount end) as new_business,
    sum(case when parts.cause = 'corrected' then parts.amount end) as corrected,
    sum(case when parts.cause = 'reorganised' then parts.amount end) as reorganised,
    sum(case when parts.cause = 'people_moved' then parts.amount end) as people_moved,
    sum(case when parts.cause = 'dates_slipped' then parts.amount end) as dates_slipped,
    sum(case when parts.cause = 'rules_changed' then parts.amount end) as rules_changed
from kpi.change_explained as parts
inner join kpi.change_metrics as labels on parts.metric = labels.metric
where
    parts.scope = 'company' and parts.pair in ('extract', 'monday')
    and parts.metric in ('won_amount', 'deals_won', 'deals_new', 'deals_lost', 'open_deals', 'pipeline_due')
group by parts.pair, parts.scope, parts.entity_id, parts.metric, labels.label_ja, labels.label
order by parts.pair, parts.metric = 'won_amount' desc, parts.metric

-- name: changed_deals
-- words: kpi.change_deals, core.fct_deals
-- key: deal_id, cause, reason
-- The deals behind the change of money since the extract before, the largest first.
select
    changes.deal_id, deals.deal_name, branches.branch_name, branches.branch_id, changes.cause, changes.reason, reasons.label_ja,
    reasons.label, sum(changes.amount) as amount
from kpi.change_deals as changes
inner join kpi.change_metrics as metrics on changes.measure = metrics.measure and metrics.metric = 'won_amount'
left join kpi.change_reasons as reasons on changes.reason = reasons.reason
left join core.fct_deals as deals on changes.deal_id = deals.deal_id
left join core.dim_branch as branches on changes.branch_id = branches.branch_id
where changes.pair = 'extract'
group by changes.deal_id, deals.deal_name, branches.branch_name, branches.branch_id, changes.cause, changes.reason, reasons.label_ja, reasons.label
order by abs(sum(changes.amount)) desc, changes.deal_id, changes.reason
limit 30

-- name: quiet
-- table: kpi.quiet_warnings
-- key: scope, entity_id, month, is_current
-- Who is about to be lost: it brings fewer deals than before, by more than chance explains. The most missing deals first.
select
    warnings.scope, warnings.entity_id, warnings.month, warnings.is_current, warnings.entity_name, warnings.branch_id,
    warnings.account_manager_id, staff.staff_name as account_manager, partners.partner_name, warnings.evidence, warnings.warned_since,
    warnings.last_deal_on, warnings.window_days, warnings.expected_deals, warnings.recent_deals, warnings.new_deal_chance
from kpi.quiet_warnings as warnings
left join core.dim_staff as staff on warnings.account_manager_id = staff.staff_id
left join core.dim_partner as partners on warnings.partner_id = partners.partner_id
where warnings.is_current and warnings.evidence <> 'none'
order by (warnings.scope = 'branch') desc, (warnings.evidence = 'strong') desc, warnings.expected_deals - warnings.recent_deals desc, warnings.entity_id

-- name: bottlenecks
-- table: kpi.bottlenecks
-- key: scope, entity_id, step
-- Where deals get stuck by more than chance explains. The most money first.
select
    steps.scope, steps.entity_id, steps.step, steps.branch_id, branches.branch_name, partners.partner_name, staff.staff_name as account_manager,
    steps.entered, steps.passed, steps.estimated_rate, steps.interval_low, steps.interval_high, steps.reference_rate, steps.evidence,
    steps.deals_missing, steps.lost_amount, steps.recommended_play_ja, steps.recommended_play, steps.play_evidence, steps.window_start, steps.window_end
from kpi.bottlenecks as steps
inner join core.dim_branch as branches on steps.branch_id = branches.branch_id
inner join core.dim_partner as partners on steps.partner_id = partners.partner_id
left join core.dim_account_manager as managers on steps.branch_id = managers.branch_id and managers.is_current
left join core.dim_staff as staff on managers.staff_id = staff.staff_id
where steps.scope = 'branch' and steps.is_bottleneck
order by steps.lost_amount desc, steps.entity_id, steps.step

-- name: levers
-- table: kpi.rep_concentration
-- key: scope, entity_id, month
-- Where more salespeople could win, and which lever fits. The most money first.
select
    levers.scope, levers.entity_id, levers.month, levers.branch_id, branches.branch_name, partners.partner_name, staff.staff_name as account_manager,
    levers.lever, levers.lever_evidence, levers.lever_reason_ja, levers.lever_reason, levers.headcount, levers.producing_reps,
    levers.headroom_amount_min, levers.headroom_amount
from kpi.rep_concentration as levers
inner join core.dim_branch as branches on levers.branch_id = branches.branch_id
inner join core.dim_partner as partners on levers.partner_id = partners.partner_id
left join core.dim_account_manager as managers on levers.branch_id = managers.branch_id and managers.is_current
left join core.dim_staff as staff on managers.staff_id = staff.staff_id
where
    levers.scope = 'branch' and levers.lever is not null and levers.lever_evidence <> 'none' and branches.closed_on is null
    and levers.month = (select max(month) from kpi.rep_concentration where is_complete)
order by levers.headroom_amount_min desc nulls last, levers.headroom_amount desc nulls last, levers.entity_id

-- name: people
-- table: kpi.people_worklist
-- key: rep_id, reason
-- The people whom the three decisions concern are among these.
select
    rep_id, reason, rep_name, branch_id, branch_name, partner_name, account_manager_name, meaning_ja, meaning, evidence, reason_on,
    last_contact_on, sold_deals, call_value
from kpi.people_worklist
order by reason_order, call_value desc nulls last, rep_id

-- name: plans
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
