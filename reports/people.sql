-- name: managers
-- key: staff_id
select staff.staff_id, staff.staff_name, staff.team, count(*) as branches
from core.dim_staff as staff
inner join core.dim_account_manager as managers on staff.staff_id = managers.staff_id and managers.is_current
group by staff.staff_id, staff.staff_name, staff.team
order by staff.staff_id

-- name: week
-- table: segment.activation_worklist
-- key: branch_id
-- by: account_manager_id
-- The branches of this week within the hours that the account manager has: whom to call, and what to bring.
select
    lists.branch_id, lists.account_manager_id, lists.branch_name, lists.partner_name, lists.list_rank, lists.segment, lists.rep_name,
    lists.people_to_call, lists.meaning_ja, lists.meaning, lists.action_type, lists.action_hours, lists.hours_so_far, lists.capacity_hours,
    lists.expected_amount, lists.last_contact_on, lists.next_action,
    coalesce(lists.play_ja, products.product_name || coalesce('(' || places.branch_name || 'で受注)', '')) as bring_ja,
    coalesce(lists.play, products.product_name || coalesce(' (won at ' || places.branch_name || ')', '')) as bring
from segment.activation_worklist as lists
left join core.dim_product as products on lists.bring_product_id = products.product_id
left join core.dim_branch as places on lists.bring_from_branch_id = places.branch_id
order by lists.account_manager_id, lists.list_rank

-- name: calls
-- table: kpi.people_worklist
-- key: rep_id, reason
-- by: account_manager_id
-- The worth of a call is an average; it is empty without evidence.
select
    calls.rep_id, calls.reason, calls.account_manager_id, calls.rep_name, calls.branch_id, calls.branch_name, calls.partner_name, calls.meaning_ja,
    calls.meaning, calls.evidence, calls.reason_on, calls.last_contact_on, calls.sold_deals, calls.sold_products, calls.left_deals, calls.call_value,
    calls.no_value_reason,
    coalesce(lists.play_ja, products.product_name || coalesce('(' || places.branch_name || 'で受注)', ''), plays.play_ja) as bring_ja,
    coalesce(lists.play, products.product_name || coalesce(' (won at ' || places.branch_name || ')', ''), plays.play) as bring
from kpi.people_worklist as calls
left join segment.activation_worklist as lists on calls.branch_id = lists.branch_id
left join core.dim_product as products on lists.bring_product_id = products.product_id
left join core.dim_branch as places on lists.bring_from_branch_id = places.branch_id
left join (
    select branch_id, recommended_play as play, recommended_play_ja as play_ja
    from kpi.bottlenecks
    where scope = 'branch' and is_bottleneck
    qualify row_number() over (partition by branch_id order by lost_amount desc, step) = 1
) as plays on calls.branch_id = plays.branch_id
order by calls.reason_order, calls.call_value desc nulls last, calls.rep_id

-- name: branches
-- table: kpi.performance
-- key: scope, entity_id, month
-- by: staff_id
select
    results.scope, results.entity_id, results.month, managers.staff_id, branches.branch_id, branches.branch_name, partners.partner_name,
    results.won_amount_t12m, results.deals_won_t12m, levers.lever, levers.lever_evidence, levers.lever_reason_ja, levers.lever_reason,
    quiet.evidence as quiet_evidence, statuses.label_ja as status_ja, statuses.label as status
from core.dim_account_manager as managers
inner join core.dim_branch as branches on managers.branch_id = branches.branch_id
inner join core.dim_partner as partners on branches.partner_id = partners.partner_id
inner join kpi.performance as results
    on
        results.scope = 'branch' and branches.branch_id = results.entity_id
        and results.month = (select max(month) from kpi.performance where is_complete)
left join kpi.rep_concentration as levers
    on levers.scope = 'branch' and branches.branch_id = levers.entity_id and results.month = levers.month and levers.lever_evidence <> 'none'
left join kpi.quiet_warnings as quiet
    on quiet.scope = 'branch' and branches.branch_id = quiet.entity_id and quiet.is_current and quiet.evidence <> 'none'
left join kpi.status_today as statuses on statuses.entity_type = 'branch' and branches.branch_id = statuses.entity_id
where managers.is_current and branches.closed_on is null
order by results.won_amount_t12m desc, branches.branch_id

-- name: actions
-- table: core.fct_activities
-- key: activity_id
-- by: staff_id
-- Next actions that are overdue, the latest first; those older than a quarter only count.
select
    actions.activity_id, actions.staff_id, actions.next_action, actions.next_action_due_on, actions.occurred_on, actions.activity_type,
    branches.branch_id, branches.branch_name, actions.deal_id
from core.fct_activities as actions
cross join ops.release as today
left join core.dim_branch as branches on actions.branch_id_current = branches.branch_id
where
    actions.next_action_due_on < today.as_of and actions.next_action_done_on is null and actions.next_action is not null
    and actions.next_action_due_on >= today.as_of - interval 90 day
order by actions.next_action_due_on desc, actions.activity_id

-- name: waiting
-- table: kpi.approvals
-- key: registration_id
-- by: account_manager_id
select registration_id, account_manager_id, deal_id, branch_id, submitted_on, wait_days, usual_days, is_late
from kpi.approvals
where is_waiting
order by wait_days desc, registration_id
