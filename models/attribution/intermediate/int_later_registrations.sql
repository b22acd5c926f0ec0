-- Registrations of several partners on one deal: the earliest approval decides, the others are listed here. Equal moments leave
-- both standing. The side of a two-tier deal that is not credited competes with nobody.
with distributors as (
    select * from {{ ref('int_deal_distributors') }}
),

{% if var('two_tier_credit') != 'reseller' -%}
two_tier_deals as (
    select distinct deal_id from distributors
),

{% endif -%}

approvals as (
    select
        lookups.deal_id,
        lookups.registration_id,
        lookups.decided_at,
        min(lookups.acting_partner_id) as acting_partner_id
    from {{ ref('int_deal_lookups') }} as lookups
    left join distributors
        on lookups.deal_id = distributors.deal_id and lookups.acting_partner_id = distributors.acting_partner_id
    {% if var('two_tier_credit') != 'reseller' -%}
    left join two_tier_deals on lookups.deal_id = two_tier_deals.deal_id
    {% endif -%}
    where
        lookups.registration_id is not null
        and lookups.acting_partner_id is not null
        and lookups.reason is null
        {% if var('two_tier_credit') == 'reseller' -%}
        and distributors.deal_id is null
        {%- else -%}
        and (two_tier_deals.deal_id is null or distributors.deal_id is not null)
        {%- endif %}
    group by lookups.deal_id, lookups.registration_id, lookups.decided_at
),

ranked as (
    select
        deal_id,
        registration_id,
        acting_partner_id,
        rank() over (partition by deal_id order by decided_at) as approval_rank
    from approvals
)

select distinct deal_id, registration_id
from ranked
where
    approval_rank > 1
    and not exists (
        select 1 from ranked as firsts
        where
            firsts.deal_id = ranked.deal_id
            and firsts.approval_rank = 1
            and firsts.acting_partner_id = ranked.acting_partner_id
    )
