-- name: league
-- words: kpi.performance, kpi.rates
-- key: scope, entity_id, month
-- Money and win rate of twelve complete months, with the place a year ago. Today's organisation.
with latest as (select max(month) as month from kpi.performance where is_complete),

placed as (
    select
        results.*,
        rank() over (partition by results.scope, results.month order by results.won_amount_t12m desc) as place
    from kpi.performance as results
    inner join latest on results.month in (latest.month, latest.month - interval 12 month)
    where results.scope in ('branch', 'division', 'partner') and results.entity_id not in ('DIRECT', 'UNRESOLVED')
),

names as (
    select 'branch' as scope, branch_id as entity_id, branch_name as entity_name, partner_id, closed_on is not null or is_sentinel as is_gone, branch_id
    from core.dim_branch
    union all
    select 'division', division_id, division_name, partner_id, false, null from core.dim_division where not is_sentinel
    union all
    select 'partner', partner_id, partner_name, partner_id, false, null from core.dim_partner where not is_sentinel
)

select
    now.scope, now.entity_id, now.month, names.entity_name, names.branch_id, partners.partner_name, now.place, before.place as place_before,
    now.won_amount_t12m, before.won_amount_t12m as won_amount_before, now.deals_won_t12m, now.avg_deal,
    rates.denominator as closed_deals, rates.estimated_rate, rates.interval_low, rates.interval_high, rates.evidence
from placed as now
inner join latest on now.month = latest.month
inner join names on now.scope = names.scope and now.entity_id = names.entity_id and not names.is_gone
left join core.dim_partner as partners on names.partner_id = partners.partner_id
left join placed as before
    on now.scope = before.scope and now.entity_id = before.entity_id and before.month = now.month - interval 12 month and before.has_twelve_months
left join kpi.rates as rates on rates.rate_name = 'win_rate_t12m' and now.scope = rates.scope and now.entity_id = rates.entity_id
order by now.scope, now.place, now.entity_id

-- name: rates
-- table: kpi.rates
-- key: rate_name, scope, entity_id
select rates.rate_name, rates.scope, rates.entity_id, branches.branch_name, rates.numerator, rates.denominator, rates.estimated_rate, rates.interval_low, rates.interval_high, rates.reference_rate, rates.evidence
from kpi.rates as rates
inner join core.dim_branch as branches on rates.entity_id = branches.branch_id
where rates.rate_name = 'win_rate_t12m' and rates.scope = 'branch' and rates.denominator > 0
order by rates.denominator desc, rates.entity_id
limit 40

-- name: curve
-- key: place
-- How few branches make most of the money of twelve months.
select
    place, branches, branch_name, amount, sum(amount) over (order by place) as amount_so_far,
    sum(amount) over (order by place) / nullif(sum(amount) over (), 0) as share_so_far
from (
    select
        row_number() over (order by results.won_amount_t12m desc, results.entity_id) as place,
        count(*) over () as branches,
        names.branch_name,
        results.won_amount_t12m as amount
    from kpi.performance as results
    inner join core.dim_branch as names on results.entity_id = names.branch_id
    where
        results.scope = 'branch' and names.closed_on is null and not names.is_sentinel
        and results.month = (select max(month) from kpi.performance where is_complete)
)
order by place

-- name: dependence
-- table: kpi.rep_concentration
-- key: scope, entity_id, month
-- Branches that depend on few salespeople. Only wins whose salesperson is known.
select
    people.scope, people.entity_id, people.month, branches.branch_id, branches.branch_name, partners.partner_name, people.producing_reps,
    people.headcount, people.effective_reps, people.top_rep_share, people.reps_won_amount, people.unassigned_wins
from kpi.rep_concentration as people
inner join core.dim_branch as branches on people.entity_id = branches.branch_id
inner join core.dim_partner as partners on branches.partner_id = partners.partner_id
where
    people.scope = 'branch' and people.producing_reps > 0 and branches.closed_on is null
    and people.month = (select max(month) from kpi.rep_concentration where is_complete)
order by people.top_rep_share * people.reps_won_amount desc nulls last, people.entity_id
