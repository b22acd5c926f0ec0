-- Sellers on deals with a referrer. They matter only for such deals: the referrer is credited unless another party sells.
with referred_deals as (
    select distinct deal_id from {{ ref('int_deal_lookups') }} where role = 'referrer'
),

named as (
    select deal_id, evidence_code, role, acting_partner_id
    from {{ ref('int_deal_lookups') }}
    where reason is null and deal_id in (select deal_id from referred_deals)
    union all
    select deal_id, evidence_code, null as role, acting_partner_id
    from {{ ref('int_deal_names') }}
    where reason is null and deal_id in (select deal_id from referred_deals)
),

weighed as (
    select
        named.deal_id,
        -- A deal has a seller if a party has that role, or if a registration, an id on the deal or its rep's address names
        -- one.
        case
            when named.evidence_code = {{ evidence('participant') }} and named.role in ('seller', 'reseller') then 1
            when
                named.evidence_code in (
                    {{ evidence('registered_branch') }}, {{ evidence('registered_rep') }}, {{ evidence('branch_id') }},
                    {{ evidence('rep_id') }}, {{ evidence('email') }}
                )
                then 1
            else 0
        end as is_seller,
        -- A shared address, a text or a partner id names a seller next to the referrer if it names another partner.
        case
            when
                named.evidence_code in (
                    {{ evidence('shared_address') }}, {{ evidence('rep_text') }}, {{ evidence('branch_text') }},
                    {{ evidence('partner') }}
                )
                and distributors.deal_id is null
                then named.acting_partner_id
        end as named_partner_id
    from named
    left join {{ ref('int_deal_distributors') }} as distributors
        on named.deal_id = distributors.deal_id and named.acting_partner_id = distributors.acting_partner_id
)

select
    deal_id,
    max(is_seller) = 1 as is_sold,
    min(named_partner_id) as lowest_partner_id,
    max(named_partner_id) as highest_partner_id
from weighed
group by deal_id
