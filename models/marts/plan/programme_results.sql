-- What each programme was expected to bring, and what it brought by the last complete month.
with months as (
    select * from {{ ref('int_programme_months') }} where is_complete
),

last_month as (
    select max(month) as month from {{ ref('int_months') }} where is_complete
),

-- A programme that began this month has no complete one.
totals as (
    select
        programme_id, payback_month, basis, margin_known_share,
        max(nth_month) as nth_month,
        cast(sum(cost) as {{ money_type() }}) as cost,
        cast(sum(revenue) as {{ money_type() }}) as revenue,
        cast(sum(benefit) as {{ money_type() }}) as benefit,
        max(case when nth_month = 6 then roi_to_date end) as roi_6_months,
        max(case when nth_month = 12 then roi_to_date end) as roi_12_months,
        max(case when nth_month = 24 then roi_to_date end) as roi_24_months,
        max(case when month = planned_payback_month then cumulative_benefit end) as benefit_at_planned_payback
    from months
    group by programme_id, payback_month, basis, margin_known_share
),

members as (
    select
        programme_id,
        count(*) as branches,
        count(distinct partner_id) as partners,
        count(case when agreed_on is not null then 1 end) as branches_agreed
    from {{ ref('int_programme_branches') }}
    group by programme_id
),

activities as (
    select programme_id, count(*) as activities_held, sum(reps_attended) as attendances
    from {{ ref('fct_activities') }}
    where programme_id is not null and status = 'held'
    group by programme_id
),

leads as (
    select
        programme_id, count(*) as leads_supplied, count(accepted_on) as leads_accepted,
        sum(case when is_followed_up then 1 else 0 end) as leads_followed_up, count(deal_id) as lead_deals
    from {{ ref('fct_leads') }}
    where programme_id is not null
    group by programme_id
),

deals as (
    select programme_id, count(*) as linked_deals, sum(case when status = 'won' then 1 else 0 end) as linked_wins
    from {{ ref('int_programme_deals') }}
    group by programme_id
)

select
    programmes.programme_id,
    programmes.programme_name,
    programmes.kind,
    programmes.horizon,
    programmes.started_on,
    programmes.ended_on,
    programmes.decision_memo,
    programmes.expected_side_effects,
    programmes.is_plan_changed,
    cast(coalesce(members.branches, 0) as bigint) as branches,
    cast(coalesce(members.branches_agreed, 0) as bigint) as branches_agreed,
    cast(coalesce(members.partners, 0) as bigint) as partners,
    cast(coalesce(activities.activities_held, 0) as bigint) as activities_held,
    cast(coalesce(activities.attendances, 0) as bigint) as attendances,
    cast(coalesce(leads.leads_supplied, 0) as bigint) as leads_of_programme,
    cast(coalesce(leads.leads_accepted, 0) as bigint) as leads_accepted,
    cast(coalesce(leads.leads_followed_up, 0) as bigint) as leads_followed_up,
    cast(coalesce(leads.lead_deals, 0) as bigint) as lead_deals,
    cast(coalesce(deals.linked_deals, 0) as bigint) as linked_deals,
    cast(coalesce(deals.linked_wins, 0) as bigint) as linked_wins,
    cast(programmes.planned_cost as {{ money_type() }}) as planned_cost,
    coalesce(totals.cost, 0) as cost,
    totals.basis,
    totals.margin_known_share,
    coalesce(totals.revenue, 0) as revenue,
    coalesce(totals.benefit, 0) as benefit,
    cast(programmes.expected_margin as {{ money_type() }}) as expected_margin,
    programmes.planned_payback_month,
    -- Null until that month is over.
    totals.benefit_at_planned_payback,
    totals.payback_month,
    {{ month_number('totals.payback_month') }} - {{ month_number('programmes.planned_payback_month') }} as months_late,
    case
        -- A later return or cost can take it below the cost again.
        when totals.payback_month is not null and totals.benefit < totals.cost then 'lost_again'
        when totals.payback_month is not null then 'paid_back'
        when programmes.planned_payback_month <= last_month.month then 'overdue'
        else 'open'
    end as payback_status,
    cast(totals.nth_month as integer) as months_run,
    totals.roi_6_months,
    totals.roi_12_months,
    totals.roi_24_months,
    case when totals.cost > 0 then cast(totals.benefit - totals.cost as double) / cast(totals.cost as double) end as programme_roi
from {{ ref('int_programmes') }} as programmes
cross join last_month
left join totals on programmes.programme_id = totals.programme_id
left join members on programmes.programme_id = members.programme_id
left join activities on programmes.programme_id = activities.programme_id
left join leads on programmes.programme_id = leads.programme_id
left join deals on programmes.programme_id = deals.programme_id
