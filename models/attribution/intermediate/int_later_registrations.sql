-- Registrations of several partners on one deal: the earliest approval decides, and the others are listed here. Two
-- registrations approved at the same moment both count. The side of a two-tier deal that is not credited competes with no
-- other registration.
with lookups as (
    select * from {{ ref('int_deal_lookups') }}
),

distributors as (
    select * from {{ ref('int_deal_distributors') }}
),

two_tier_deals as (
    select distinct deal_id from distributors
),

approvals as (
    select
        lookups.deal_id,
        lookups.registration_id,
        lookups.decided_at,
        min(lookups.acting_partner_id) as acting_partner_id
    from lookups
    left join distributors
        on lookups.deal_id = distributors.deal_id and lookups.acting_partner_id = distributors.acting_partner_id
    left join two_tier_deals on lookups.deal_id = two_tier_deals.deal_id
    where
        lookups.registration_id is not null
        and lookups.acting_partner_id is not null
        and lookups.reason is null
        and not {{ is_uncredited_side('two_tier_deals.deal_id', 'distributors.deal_id') }}
    group by lookups.deal_id, lookups.registration_id, lookups.decided_at
),

ranked as (
    select
        deal_id,
        registration_id,
        acting_partner_id,
        rank() over (partition by deal_id order by decided_at nulls last) as approval_rank
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
