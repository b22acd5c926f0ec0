{{ config(schema='intermediate') }}

-- Every signal of a deal in the light of the others. `status` is what it is worth before the ladder weighs it: eligible,
-- ineligible (wrong by itself), influence (somebody beside the seller) or contradicting (a later registration).
{% set helpers = "'co_sell', 'implementer'" -%}

with judged as (
    select * from {{ ref('int_deal_lookups') }}
    union all
    select
        deal_id, credit_on, channel, evidence_code, points_to, raw_value, matched_by, branch_id, rep_id, partner_id,
        acting_partner_id, partner_type,
        cast(null as varchar) as role,
        false as is_primary,
        claimed_on,
        cast(null as varchar) as registration_id,
        cast(null as varchar) as registration_status,
        cast(null as timestamp) as decided_at,
        reason
    from {{ ref('int_deal_names') }}
),

-- On a two-tier deal one side is credited and the other side's signals are influence, whatever their rung.
distributors as (
    select distinct deal_id, acting_partner_id
    from judged
    where
        acting_partner_id is not null
        and (role = 'distributor' or (channel = 'distributor' and partner_type = 'distributor'))
),

{% if var('two_tier_credit') != 'reseller' -%}
two_tier_deals as (
    select distinct deal_id from distributors
),

{% endif -%}

-- Registrations of several partners on one deal: the earliest approval decides. Equal moments leave both standing. The side of
-- a two-tier deal that is not credited competes with nobody.
first_approvals as (
    select
        deal_id,
        registration_id,
        acting_partner_id,
        rank() over (partition by deal_id order by decided_at) as approval_rank
    from (
        select judged.deal_id, judged.registration_id, judged.decided_at, min(judged.acting_partner_id) as acting_partner_id
        from judged
        left join distributors
            on judged.deal_id = distributors.deal_id and judged.acting_partner_id = distributors.acting_partner_id
        {% if var('two_tier_credit') != 'reseller' -%}
        left join two_tier_deals on judged.deal_id = two_tier_deals.deal_id
        {% endif -%}
        where
            judged.registration_status = 'approved'
            and judged.acting_partner_id is not null
            and judged.reason is null
            {% if var('two_tier_credit') == 'reseller' -%}
            and distributors.deal_id is null
            {%- else -%}
            and (two_tier_deals.deal_id is null or distributors.deal_id is not null)
            {%- endif %}
        group by judged.deal_id, judged.registration_id, judged.decided_at
    ) as approved
),

later_registrations as (
    select distinct others.deal_id, others.registration_id
    from first_approvals as others
    inner join first_approvals as firsts
        on others.deal_id = firsts.deal_id and firsts.approval_rank = 1
    where
        others.approval_rank > 1
        and not exists (
            select 1 from first_approvals as same
            where
                same.deal_id = others.deal_id
                and same.approval_rank = 1
                and same.acting_partner_id = others.acting_partner_id
        )
),

-- Only a referrer is weighed against who else is named.
referred_deals as (
    select distinct deal_id from judged where role = 'referrer'
),

-- Somebody sells: a party with that role, or whoever a registration, the deal itself or its rep's address names.
sellers as (
    select distinct deal_id
    from judged
    where
        reason is null
        and deal_id in (select deal_id from referred_deals)
        and (
            (evidence_code = 'E05' and role in ('seller', 'reseller'))
            or evidence_code in ('E02', 'E03', 'E04', 'E06', 'E07')
        )
),

-- A shared address, a text or the partner alone names a seller beside the referrer where it names somebody else.
named_sellers as (
    select judged.deal_id, min(judged.acting_partner_id) as lowest_partner_id, max(judged.acting_partner_id) as highest_partner_id
    from judged
    left join distributors
        on judged.deal_id = distributors.deal_id and judged.acting_partner_id = distributors.acting_partner_id
    where
        judged.reason is null
        and judged.deal_id in (select deal_id from referred_deals)
        and judged.evidence_code in ('E08', 'E09', 'E10', 'E11')
        and distributors.deal_id is null
    group by judged.deal_id
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
    judged.partner_type,
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
                sellers.deal_id is not null
                or named_sellers.lowest_partner_id != judged.acting_partner_id
                or named_sellers.highest_partner_id != judged.acting_partner_id
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
left join later_registrations
    on judged.deal_id = later_registrations.deal_id and judged.registration_id = later_registrations.registration_id
left join distributors
    on judged.deal_id = distributors.deal_id and judged.acting_partner_id = distributors.acting_partner_id
{% if var('two_tier_credit') != 'reseller' -%}
left join two_tier_deals on judged.deal_id = two_tier_deals.deal_id
{% endif -%}
left join sellers on judged.deal_id = sellers.deal_id
left join named_sellers on judged.deal_id = named_sellers.deal_id
