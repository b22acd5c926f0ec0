{{ config(materialized='view') }}

-- Every signal of a deal in the light of the others. `status` is what it is worth before the ladder weighs it: eligible,
-- ineligible (wrong by itself), influence (somebody beside the seller) or contradicting (a later registration).
{% set helpers = "'co_sell', 'implementer'" -%}

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

{% if var('two_tier_credit') != 'reseller' -%}
two_tier_deals as (
    select distinct deal_id from {{ ref('int_deal_distributors') }}
),

{% endif -%}

distributors as (
    select * from {{ ref('int_deal_distributors') }}
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
        -- Who only helps says nothing of the seller, not even by being unknown.
        when judged.role in ({{ helpers }}) then 'influence'
        when judged.reason is not null then 'ineligible'
        when judged.evidence_code = 'E01' then 'eligible'
        when later_registrations.deal_id is not null then 'contradicting'
        {% if var('two_tier_credit') == 'reseller' -%}
        when judged.role = 'distributor' then 'influence'
        {% endif -%}
        when
            judged.role = 'referrer'
            and (
                other_sellers.is_sold
                or other_sellers.lowest_partner_id != judged.acting_partner_id
                or other_sellers.highest_partner_id != judged.acting_partner_id
            )
            then 'influence'
        {% if var('two_tier_credit') == 'reseller' -%}
        when distributors.deal_id is not null then 'influence'
        {%- else -%}
        when two_tier_deals.deal_id is not null and distributors.deal_id is null then 'influence'
        {%- endif %}
        else 'eligible'
    end as status,
    case
        when judged.role in ({{ helpers }}) then null
        when judged.reason is not null then judged.reason
        when later_registrations.deal_id is not null then 'DUPLICATE_DEAL'
    end as reason
from judged
left join {{ ref('int_later_registrations') }} as later_registrations
    on judged.deal_id = later_registrations.deal_id and judged.registration_id = later_registrations.registration_id
left join distributors
    on judged.deal_id = distributors.deal_id and judged.acting_partner_id = distributors.acting_partner_id
{% if var('two_tier_credit') != 'reseller' -%}
left join two_tier_deals on judged.deal_id = two_tier_deals.deal_id
{% endif -%}
left join {{ ref('int_other_sellers') }} as other_sellers on judged.deal_id = other_sellers.deal_id
