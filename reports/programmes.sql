-- name: programmes
-- table: plan.programme_results
-- key: programme_id
-- Each programme: why it was decided, what was expected, and what came. The latest first.
select
    programme_id, programme_name, kind, horizon, started_on, ended_on, decision_memo, expected_side_effects, is_plan_changed, branches,
    branches_agreed, partners, activities_held, attendances, leads_of_programme, leads_accepted, leads_followed_up, lead_deals,
    linked_deals,
    linked_wins, planned_cost, cost, basis, margin_known_share, revenue, benefit, expected_margin, planned_payback_month,
    benefit_at_planned_payback, payback_month, months_late, payback_status, months_run, roi_6_months, roi_12_months, roi_24_months,
    programme_roi
from plan.programme_results
order by started_on desc nulls last, programme_id

-- name: months
-- table: plan.programme_payback
-- key: programme_id, month
select programme_id, month, cost, margin, benefit, cumulative_cost, cumulative_benefit, cumulative_net, roi_to_date
from plan.programme_payback
where is_complete
order by programme_id, month

-- name: branches
-- table: plan.programme_branches
-- key: programme_id, branch_id
select
    places.programme_id, places.branch_id, branches.branch_name, partners.partner_name, places.is_participant, places.role,
    places.agreed_on,
    places.activities_held, places.leads_of_programme, places.leads_followed_up, places.linked_deals, places.linked_wins, places.revenue
from plan.programme_branches as places
left join core.dim_branch as branches on places.branch_id = branches.branch_id
left join core.dim_partner as partners on places.partner_id = partners.partner_id
order by places.programme_id, places.revenue desc, places.linked_deals desc, places.branch_id

-- name: effects
-- table: plan.action_effects
-- key: action_type, period_type, period_start
-- What followed from each type of action, of all halves together. Without enough evidence there is no effect.
select
    action_type, period_type, period_start, actions_done, actions_running, n, deals_before, deals_after, expected_deals, action_effect,
    interval_low, interval_high, effect_share, verdict, proposal
from plan.action_effects
where period_type = 'all'
order by (verdict = 'not_enough_evidence'), action_effect desc nulls last, n desc, action_type

-- name: decisions
-- table: plan.decisions
-- key: decision_id
-- What a decision rested on, what was expected of it, and what came. Those whose day has passed first.
select
    decisions.decision_id, decisions.decision, decisions.taken_on, decisions.taken_by, decisions.metric, decisions.scope,
    coalesce(branches.branch_name, divisions.division_name, partners.partner_name) as entity_name,
    case when decisions.scope = 'branch' then decisions.entity_id end as branch_id,
    decisions.figure_then, decisions.expected_value, decisions.expected_by, decisions.is_over, decisions.actual_value, decisions.is_met,
    decisions.is_changed
from plan.decisions as decisions
left join core.dim_branch as branches on decisions.scope = 'branch' and decisions.entity_id = branches.branch_id
left join core.dim_division as divisions on decisions.scope = 'division' and decisions.entity_id = divisions.division_id
left join core.dim_partner as partners on decisions.scope = 'partner' and decisions.entity_id = partners.partner_id
order by decisions.is_over desc, decisions.expected_by desc, decisions.decision_id

-- name: sides
-- table: plan.three_sided
-- key: scope, entity_id, fiscal_year
-- What the partners earned, what customers did and what the vendor got, by fiscal year that is over.
select
    scope, entity_id, fiscal_year, partner_commission, commission_known_share, customers_won, renewal_rate_numerator,
    renewal_rate_denominator, renewal_rate, deals_won, won_amount, vendor_margin, margin_known_share
from plan.three_sided
where scope = 'company' and is_complete
order by fiscal_year desc

-- name: partner_sides
-- table: plan.three_sided
-- key: scope, entity_id, fiscal_year
-- The same of each partner in the last year that is over.
select
    sides.scope, sides.entity_id, sides.fiscal_year, partners.partner_name, sides.partner_commission, sides.commission_known_share,
    sides.customers_won, sides.renewal_rate_denominator, sides.renewal_rate, sides.deals_won, sides.won_amount, sides.vendor_margin,
    sides.margin_known_share
from plan.three_sided as sides
inner join core.dim_partner as partners on sides.entity_id = partners.partner_id
where sides.scope = 'partner' and sides.fiscal_year = (select max(fiscal_year) from plan.three_sided where is_complete)
order by sides.won_amount desc, sides.entity_id
