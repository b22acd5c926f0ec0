-- One row per deal for which the evidence gave no branch, with its partner, if known, and the company that acts for that
-- partner.
select
    deals.deal_id,
    deals.credit_on,
    deals.customer_id,
    deals.owner_staff_id,
    deals.partner_text,
    deals.branch_text,
    coalesce(identity.acting_partner_id, branches.partner_id) as acting_partner_id,
    branches.partner_id not in ('DIRECT', 'UNRESOLVED') as is_partner_known
from {{ ref('int_deals') }} as deals
inner join {{ ref('int_deal_outcomes') }} as outcomes on deals.deal_id = outcomes.deal_id
inner join {{ ref('int_branches') }} as branches on outcomes.branch_id = branches.branch_id
left join {{ ref('int_partner_identity') }} as identity
    on
        branches.partner_id = identity.partner_id
        and {{ is_within('deals.credit_on', 'identity.valid_from', 'identity.valid_to') }}
where branches.is_sentinel
