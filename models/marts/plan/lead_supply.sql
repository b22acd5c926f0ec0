-- Leads that the vendor supplied, by the month in which they were passed on, on today's organisation. Acceptance, contact and deal of a
-- lead count in that month, too. A lead has had enough time for a deal after cohort_mature_days.
with leads as (
    select
        bridge.scope_key,
        leads.passed_month as month,
        count(*) as leads_supplied,
        count(leads.accepted_on) as leads_accepted,
        sum(case when leads.is_followed_up then 1 else 0 end) as leads_followed_up,
        count(leads.deal_id) as lead_deals,
        sum(case when leads.is_won then 1 else 0 end) as lead_wins,
        sum(case when leads.accepted_on is not null and leads.is_followed_up then 1 else 0 end) as quick_leads,
        sum(case when leads.accepted_on is not null and leads.is_followed_up and leads.deal_id is not null then 1 else 0 end)
            as quick_lead_deals
    from {{ ref('fct_leads') }} as leads
    cross join {{ ref('int_as_of') }} as today
    inner join {{ ref('int_scope_bridge') }} as bridge
        on leads.branch_version_id = bridge.branch_version_id and bridge.organisation = 'as_is'
    where leads.passed_on <= today.as_of
    group by bridge.scope_key, leads.passed_month
)

select
    scopes.scope,
    scopes.entity_id,
    scopes.partner_id,
    leads.month,
    {{ fiscal_year('leads.month') }} as fiscal_year,
    {{ fiscal_half('leads.month') }} as fiscal_half,
    calendar.is_complete,
    {{ add_days(add_months('leads.month', 1), var('cohort_mature_days') - 1) }} <= today.as_of as is_mature,
    cast(leads.leads_supplied as bigint) as leads_supplied,
    cast(leads.leads_accepted as bigint) as leads_accepted,
    {{ rate('leads.leads_accepted', 'leads.leads_supplied', var('n_min')) }} as lead_acceptance_rate,
    cast(leads.leads_followed_up as bigint) as leads_followed_up,
    {{ rate('leads.leads_followed_up', 'leads.leads_supplied', var('n_min')) }} as lead_follow_up_rate,
    cast(leads.lead_deals as bigint) as lead_deals,
    cast(leads.lead_wins as bigint) as lead_wins,
    -- Later leads have not had enough time.
    case
        when {{ add_days(add_months('leads.month', 1), var('cohort_mature_days') - 1) }} <= today.as_of
            then {{ rate('leads.lead_deals', 'leads.leads_supplied', var('n_min')) }}
    end as lead_deal_rate,
    cast(leads.quick_leads as bigint) as quick_leads,
    cast(leads.quick_lead_deals as bigint) as quick_lead_deals,
    cast(leads.leads_accepted - leads.quick_leads as bigint) as slow_leads,
    cast(leads.lead_deals - leads.quick_lead_deals as bigint) as other_lead_deals
from leads
inner join {{ ref('int_scopes') }} as scopes on leads.scope_key = scopes.scope_key
inner join {{ ref('int_months') }} as calendar on leads.month = calendar.month
cross join {{ ref('int_as_of') }} as today
