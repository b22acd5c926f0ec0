-- Who takes part in a programme, in which role, and what the programme did and brought there. A lead or an activity is no credit for a
-- deal: the credit stays with the branch of the deal. Branches that are no participants are listed where the programme was active.
with leads as (
    select
        programme_id, branch_id, count(*) as leads_supplied, count(accepted_on) as leads_accepted,
        sum(case when is_followed_up then 1 else 0 end) as leads_followed_up
    from {{ ref('fct_leads') }}
    where programme_id is not null
    group by programme_id, branch_id
),

activities as (
    select programme_id, branch_id, count(*) as activities_held
    from {{ ref('fct_activities') }}
    where programme_id is not null and status = 'held'
    group by programme_id, branch_id
),

deals as (
    select programme_id, branch_id, count(*) as linked_deals, sum(case when status = 'won' then 1 else 0 end) as linked_wins
    from {{ ref('int_programme_deals') }}
    group by programme_id, branch_id
),

revenue as (
    select parts.programme_id, deals.branch_id, sum(parts.amount) as revenue
    from {{ ref('int_programme_revenue') }} as parts
    inner join {{ ref('int_programme_deals') }} as deals
        on parts.programme_id = deals.programme_id and parts.deal_id = deals.deal_id
    group by parts.programme_id, deals.branch_id
),

places as (
    select programme_id, branch_id from {{ ref('int_programme_branches') }}
    union
    select programme_id, branch_id from leads
    union
    select programme_id, branch_id from activities
    union
    select programme_id, branch_id from deals
)

select
    places.programme_id,
    places.branch_id,
    branches.current_branch_id as branch_id_current,
    branches.current_partner_id as partner_id,
    members.branch_id is not null as is_participant,
    members.role,
    members.joined_on,
    members.agreed_on,
    cast(coalesce(activities.activities_held, 0) as bigint) as activities_held,
    cast(coalesce(leads.leads_supplied, 0) as bigint) as leads_of_programme,
    cast(coalesce(leads.leads_accepted, 0) as bigint) as leads_accepted,
    cast(coalesce(leads.leads_followed_up, 0) as bigint) as leads_followed_up,
    cast(coalesce(deals.linked_deals, 0) as bigint) as linked_deals,
    cast(coalesce(deals.linked_wins, 0) as bigint) as linked_wins,
    cast(coalesce(revenue.revenue, 0) as {{ money_type() }}) as revenue
from places
inner join {{ ref('int_programmes') }} as programmes on places.programme_id = programmes.programme_id
left join {{ ref('dim_branch') }} as branches on places.branch_id = branches.branch_id
left join {{ ref('int_programme_branches') }} as members
    on places.programme_id = members.programme_id and places.branch_id = members.branch_id
left join activities on places.programme_id = activities.programme_id and places.branch_id = activities.branch_id
left join leads on places.programme_id = leads.programme_id and places.branch_id = leads.branch_id
left join deals on places.programme_id = deals.programme_id and places.branch_id = deals.branch_id
left join revenue on places.programme_id = revenue.programme_id and places.branch_id = revenue.branch_id
