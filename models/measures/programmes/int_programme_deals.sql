-- Deals that a programme brought: an activity or a lead of the programme names the deal, not later than its win. A deal of several
-- programmes is divided among them by their shares at its branch (programme_branches), without one equally: the weights of a deal
-- add up to 1. before_weight is the weight of the programmes that come before in the order of their ids.
with links as (
    select programme_id, deal_id, occurred_on as linked_on
    from {{ ref('fct_activities') }}
    where programme_id is not null and deal_id is not null and status = 'held'
    union all
    select programme_id, deal_id, passed_on as linked_on
    from {{ ref('fct_leads') }}
    where programme_id is not null and deal_id is not null
),

linked as (
    select links.programme_id, links.deal_id, min(links.linked_on) as linked_on
    from links
    inner join {{ ref('int_programmes') }} as programmes on links.programme_id = programmes.programme_id
    group by links.programme_id, links.deal_id
),

shared as (
    select
        linked.programme_id,
        linked.deal_id,
        linked.linked_on,
        deals.branch_id,
        deals.branch_id_current,
        deals.status,
        deals.won_on,
        -- A share of nothing still names the programme, so that some programme has the deal.
        cast(greatest(coalesce(members.share, 1), 0.00000001) as decimal(18, 8)) as share
    from linked
    inner join {{ ref('fct_deals') }} as deals on linked.deal_id = deals.deal_id and deals.is_counted
    left join {{ ref('int_programme_branches') }} as members
        on linked.programme_id = members.programme_id and deals.branch_id = members.branch_id
    where linked.linked_on <= coalesce(deals.won_on, {{ for_ever() }})
)

select
    programme_id,
    deal_id,
    linked_on,
    branch_id,
    branch_id_current,
    status,
    won_on,
    cast(share as double) / cast(sum(share) over (partition by deal_id) as double) as weight,
    cast(coalesce(
        sum(share) over (partition by deal_id order by programme_id rows between unbounded preceding and 1 preceding), 0
    ) as double) / cast(sum(share) over (partition by deal_id) as double) as before_weight
from shared
