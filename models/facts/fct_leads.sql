-- Leads that the vendor passed on, at the branch of the day. A version covers the day before which nothing is known of the branch.
with leads as (
    select
        *,
        {{ business_date('passed_at') }} as passed_on,
        {{ business_date('accepted_at') }} as accepted_on,
        {{ business_date('first_contact_at') }} as first_contact_on
    from {{ ref('stg_leads_supplied') }}
)

select
    leads.lead_id,
    leads.branch_id,
    versions.branch_version_id,
    branches.current_branch_id as branch_id_current,
    versions.partner_id,
    leads.programme_id,
    leads.passed_on,
    {{ month_of('leads.passed_on') }} as passed_month,
    leads.accepted_on,
    leads.first_contact_on,
    coalesce({{ days_between('leads.passed_on', 'leads.first_contact_on') }} <= {{ var('lead_follow_up_days') }}, false) as is_followed_up,
    deals.deal_id,
    deals.created_on as deal_created_on,
    coalesce(deals.status = 'won', false) as is_won
from leads
left join {{ ref('dim_branch') }} as branches on leads.branch_id = branches.branch_id
left join {{ ref('int_branch_versions') }} as versions
    on
        leads.branch_id = versions.branch_id
        and {{ is_within('leads.passed_on', 'versions.covers_from', 'versions.valid_to') }}
left join {{ ref('fct_deals') }} as deals on leads.deal_id = deals.deal_id and deals.is_counted
