-- name: branches
-- key: branch_id
-- The branches that get an edition of their own: only what the branch itself can see or has done. Nothing of the vendor's
-- judgement (segment, potential, worth of a call, lever, account plans), and nothing of another branch by name.
select branches.branch_id, branches.branch_name, partners.partner_name
from core.dim_branch as branches
inner join core.dim_partner as partners on branches.partner_id = partners.partner_id
where not branches.is_sentinel and branches.closed_on is null
order by branches.branch_id

-- name: packs
-- table: plan.qbr_pack
-- key: branch_id, period_start
-- by: branch_id
-- The business review: the quarter that closed last and the four before it, as known at the close of each. Without forecast.
select
    branch_id, period_start, period_end, fiscal_year, fiscal_quarter, known_on, actions_due, actions_on_time, actions_late,
    actions_not_done,
    quarter_won_amount, quarter_target_amount, quarter_attainment, quarter_deals_new, quarter_deals_qualified, quarter_deals_won,
    quarter_deals_lost, quarter_open_deals, quarter_pipeline_amount, reps_contactable_now, reps_producing_now, next_target_amount,
    next_actions
from plan.qbr_pack
where period_end > (select max(period_end) - interval 15 month from plan.qbr_pack)
order by branch_id, period_start desc

-- name: pack_actions
-- table: plan.plan_actions
-- key: action_id
-- by: branch_id
-- The agreed actions of the branch's plans in the quarter that closed last and in the next one.
select
    actions.action_id, actions.branch_id, actions.action_type, actions.owner_side, actions.due_on, actions.done_on, actions.status,
    actions.due_on > quarter.period_end as is_next
from plan.plan_actions as actions
inner join (select distinct period_start, period_end from plan.qbr_pack) as quarter
    on quarter.period_end = (select max(period_end) from plan.qbr_pack)
where
    actions.scope = 'branch' and actions.is_agreed and actions.status <> 'cancelled'
    and actions.due_on >= quarter.period_start and actions.due_on <= quarter.period_end + interval 3 month
order by actions.branch_id, actions.due_on, actions.action_id

-- name: results
-- table: kpi.performance
-- key: scope, entity_id, month
-- by: entity_id
select scope, entity_id, month, won_amount_t12m, deals_won_t12m, win_rate_t12m_denominator, win_rate_t12m
from kpi.performance
where scope = 'branch' and month = (select max(month) from kpi.performance where is_complete)

-- name: months
-- table: kpi.branch_monthly_as_is
-- key: branch_id, month
-- by: branch_id
select branch_id, month, deals_new, deals_won, won_amount, sessions_held
from kpi.branch_monthly_as_is
where is_complete and month > (select max(month) - interval 12 month from kpi.branch_monthly_as_is where is_complete)
order by branch_id, month desc

-- name: deals
-- table: kpi.open_deals
-- key: deal_id
-- by: branch_id
select
    deals.deal_id, deals.branch_id, deals.deal_name, customers.customer_name, reps.rep_name, deals.stage, deals.days_without_movement,
    deals.expected_close_on, deals.amount
from kpi.open_deals as deals
left join core.dim_customer as customers on deals.customer_id = customers.customer_id
left join core.dim_rep as reps on deals.rep_id = reps.rep_id and not reps.is_sentinel and deals.branch_id = reps.current_branch_id
order by deals.days_without_movement desc, deals.deal_id

-- name: people
-- words: core.dim_rep, kpi.rep_monthly
-- key: rep_id
-- by: branch_id
-- What people of the branch did for this branch: not what they brought elsewhere.
select
    reps.rep_id, reps.current_branch_id as branch_id, reps.rep_name,
    coalesce(sum(case when months.month >= quarter.starts_on and months.month <= quarter.ends_on then months.deals_new end), 0) as quarter_new,
    coalesce(sum(case when months.month >= quarter.starts_on and months.month <= quarter.ends_on then months.deals_won end), 0) as quarter_won,
    coalesce(sum(months.deals_new), 0) as deals_new, coalesce(sum(months.deals_won), 0) as deals_won
from core.dim_rep as reps
left join kpi.rep_monthly as months
    on
        reps.rep_id = months.rep_id and reps.current_branch_id = months.branch_id and months.is_complete
        and months.month > (select max(month) - interval 12 month from kpi.rep_monthly where is_complete)
cross join (
    select max(period_start) as starts_on, max(period_end) as ends_on from plan.qbr_pack
) as quarter
where not reps.is_sentinel and reps.left_on is null and reps.current_branch_id is not null
group by reps.rep_id, reps.current_branch_id, reps.rep_name
order by deals_won desc, deals_new desc, reps.rep_id

-- name: events
-- table: kpi.branch_timeline
-- key: branch_id, happened_on, event_type, source_id
-- by: branch_id
-- Only what both sides were at, without the vendor's notes: the subject of a visit may name anybody.
select branch_id, happened_on, event_type, source_id
from kpi.branch_timeline
where event_type in ('study_session', 'training', 'qbr', 'regular_meeting', 'joint_visit', 'win')
qualify row_number() over (partition by branch_id order by happened_on desc, event_type, source_id) <= 20
order by branch_id, happened_on desc, event_type, source_id

-- name: siblings
-- key: branch_id, pseudonym
-- by: branch_id
-- Other branches of the partner under letters, in an order without a meaning. A figure rests on n_min deals or more, and
-- a table has three branches or more. No money.
with figures as (
    select branches.branch_id, branches.partner_id, results.win_rate_t12m_denominator, results.win_rate_t12m
    from core.dim_branch as branches
    inner join kpi.performance as results
        on
            results.scope = 'branch' and branches.branch_id = results.entity_id
            and results.month = (select max(month) from kpi.performance where is_complete)
    where not branches.is_sentinel and branches.closed_on is null
)

select
    mine.branch_id,
    chr(64 + cast(row_number() over (partition by mine.branch_id order by md5(mine.branch_id || others.branch_id)) as integer)) as pseudonym,
    others.win_rate_t12m_denominator as closed_deals,
    others.win_rate_t12m as win_rate
from figures as mine
inner join figures as others on mine.partner_id = others.partner_id and mine.branch_id <> others.branch_id
where others.win_rate_t12m_denominator >= getvariable('n_min')
qualify count(*) over (partition by mine.branch_id) between 3 and 26
order by mine.branch_id, pseudonym
