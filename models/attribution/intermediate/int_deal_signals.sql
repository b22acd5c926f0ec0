-- Every signal of a deal, judged together with the other signals. `status` is the result before the ladder is applied:
-- eligible, ineligible (the signal itself has a flaw), influence (it names a party next to the seller) or contradicting (it
-- is of a later registration).
with judged as (
    select * from {{ ref('int_deal_lookups') }}
    union all
    select
        deal_id, credit_on, evidence_code, points_to, raw_value, matched_by, branch_id, rep_id, partner_id, acting_partner_id,
        is_of_distributor,
        cast(null as string) as role,
        false as is_primary,
        claimed_on,
        cast(null as string) as registration_id,
        cast(null as timestamp) as decided_at,
        reason
    from {{ ref('int_deal_names') }}
),

distributors as (
    select * from {{ ref('int_deal_distributors') }}
),

two_tier_deals as (
    select distinct deal_id from distributors
),

later_registrations as (
    select * from {{ ref('int_later_registrations') }}
),

other_sellers as (
    select * from {{ ref('int_other_sellers') }}
)

select
    judged.deal_id,
    judged.credit_on,
    judged.evidence_code,
    judged.points_to,
    judged.raw_value,
    judged.matched_by,
    judged.branch_id,
    judged.rep_id,
    judged.partner_id,
    judged.acting_partner_id,
    judged.role,
    judged.is_primary,
    judged.claimed_on,
    judged.registration_id,
    distributors.deal_id is not null as is_distributor,
    case
        -- A helper, even an unknown one, is no evidence of the seller.
        when {{ is_helper('judged.role') }} then 'influence'
        when judged.reason is not null then 'ineligible'
        when judged.evidence_code = {{ evidence('person') }} then 'eligible'
        when later_registrations.deal_id is not null then 'contradicting'
        when judged.role = 'distributor' and {{ is_reseller_credited() }} then 'influence'
        when
            judged.role = 'referrer'
            and (
                other_sellers.is_sold
                or other_sellers.lowest_partner_id != judged.acting_partner_id
                or other_sellers.highest_partner_id != judged.acting_partner_id
            )
            then 'influence'
        when {{ is_uncredited_side('two_tier_deals.deal_id', 'distributors.deal_id') }} then 'influence'
        else 'eligible'
    end as status,
    case
        when {{ is_helper('judged.role') }} then null
        when judged.reason is not null then judged.reason
        when later_registrations.deal_id is not null then 'DUPLICATE_DEAL'
    end as reason
from judged
left join later_registrations
    on judged.deal_id = later_registrations.deal_id and judged.registration_id = later_registrations.registration_id
left join distributors
    on judged.deal_id = distributors.deal_id and judged.acting_partner_id = distributors.acting_partner_id
left join two_tier_deals on judged.deal_id = two_tier_deals.deal_id
left join other_sellers on judged.deal_id = other_sellers.deal_id
