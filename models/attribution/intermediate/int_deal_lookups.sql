-- Each claim, looked up in the organisation of the credit date, with the reason why it may not decide, if the claim itself
-- has such a flaw.
with deals as (
    select deal_id, credit_on, channel from {{ ref('int_deals') }}
),

-- A claim about a deal that does not exist, or no longer exists, is no evidence.
claims as (
    select claims.*, deals.credit_on, deals.channel
    from {{ ref('int_deal_claims') }} as claims
    inner join deals on claims.deal_id = deals.deal_id
),

branches as (
    select * from {{ ref('int_branches') }}
),

partners as (
    select * from {{ ref('int_partners') }}
),

contact_points as (
    select * from {{ ref('int_contact_points') }}
),

email_claims as (
    select *, substr(value, {{ dbt.position("'@'", 'value') }} + 1) as domain
    from claims
    where points_to = 'email'
),

address_owners as (
    select
        email_claims.deal_id, email_claims.value, email_claims.credit_on, points.owner_type, points.owner_id
    from (select distinct deal_id, value, credit_on from email_claims) as email_claims
    inner join contact_points as points
        on
            email_claims.value = points.address
            and points.kind = 'email'
            and {{ is_within('email_claims.credit_on', 'points.valid_from', 'points.valid_to') }}
),

-- A domain of one branch names that branch. A domain of several branches of one partner names the partner. A domain of
-- several partners identifies no partner.
domain_owners as (
    select
        email_claims.domain,
        email_claims.credit_on,
        count(distinct points.partner_id) as partner_count,
        min(points.partner_id) as partner_id,
        case
            when count(*) = count(points.branch_id) and count(distinct points.branch_id) = 1 then min(points.branch_id)
        end as branch_id
    from (select distinct domain, credit_on from email_claims) as email_claims
    inner join contact_points as points
        on
            email_claims.domain = points.address
            and points.kind = 'domain'
            and {{ is_within('email_claims.credit_on', 'points.valid_from', 'points.valid_to') }}
    group by email_claims.domain, email_claims.credit_on
),

unpacked as (
    select
        deal_id, credit_on, channel, evidence_code, points_to, value, role, is_primary, claimed_on,
        registration_id, registration_status, expires_on, decided_at,
        case when points_to = 'branch' then value end as branch_id,
        coalesce(case when points_to = 'rep' then value end, rep_id) as rep_id,
        case when points_to = 'partner' then value end as partner_id,
        points_to = 'rep' as is_placed_by_rep,
        'id' as matched_by
    from claims
    where points_to != 'email'
    union all
    select
        claims.deal_id, claims.credit_on, claims.channel,
        case when owners.owner_type = 'rep' then claims.evidence_code else {{ evidence('shared_address') }} end as evidence_code,
        owners.owner_type as points_to,
        claims.value, claims.role, claims.is_primary, claims.claimed_on,
        claims.registration_id, claims.registration_status, claims.expires_on, claims.decided_at,
        case when owners.owner_type = 'branch' then owners.owner_id end as branch_id,
        case when owners.owner_type = 'rep' then owners.owner_id end as rep_id,
        case when owners.owner_type = 'partner' then owners.owner_id end as partner_id,
        owners.owner_type = 'rep' as is_placed_by_rep,
        'email' as matched_by
    from email_claims as claims
    inner join address_owners as owners on claims.deal_id = owners.deal_id and claims.value = owners.value
    union all
    select
        claims.deal_id, claims.credit_on, claims.channel,
        {{ evidence('shared_address') }} as evidence_code,
        case when owners.branch_id is not null then 'branch' else 'partner' end as points_to,
        claims.value, claims.role, claims.is_primary, claims.claimed_on,
        claims.registration_id, claims.registration_status, claims.expires_on, claims.decided_at,
        case when owners.partner_count = 1 then owners.branch_id end as branch_id,
        null as rep_id,
        case when owners.partner_count = 1 and owners.branch_id is null then owners.partner_id end as partner_id,
        false as is_placed_by_rep,
        'domain' as matched_by
    from email_claims as claims
    inner join domain_owners as owners on claims.domain = owners.domain and claims.credit_on = owners.credit_on
    union all
    -- An address without a registered owner is still evidence of a partner, of an unknown one.
    select
        claims.deal_id, claims.credit_on, claims.channel, claims.evidence_code,
        'rep' as points_to,
        claims.value, claims.role, claims.is_primary, claims.claimed_on,
        claims.registration_id, claims.registration_status, claims.expires_on, claims.decided_at,
        null as branch_id,
        null as rep_id,
        null as partner_id,
        false as is_placed_by_rep,
        null as matched_by
    from email_claims as claims
    left join address_owners as owners on claims.deal_id = owners.deal_id and claims.value = owners.value
    left join domain_owners on claims.domain = domain_owners.domain and claims.credit_on = domain_owners.credit_on
    where owners.deal_id is null and domain_owners.domain is null
),

-- Assignments of a rep do not overlap, nor do versions of a branch or identities of a partner. So no join below adds a row.
placed as (
    select
        unpacked.*,
        reps.rep_id is not null as is_known_rep,
        reps.partner_id as rep_partner_id,
        posts.rep_id is not null as has_post,
        coalesce(unpacked.branch_id, case when unpacked.is_placed_by_rep then posts.branch_id end) as placed_branch_id
    from unpacked
    left join {{ ref('dim_rep') }} as reps on unpacked.rep_id = reps.rep_id and not reps.is_sentinel
    left join {{ ref('int_rep_posts') }} as posts
        on
            unpacked.rep_id = posts.rep_id
            and {{ is_within('unpacked.credit_on', 'posts.valid_from', 'posts.valid_to') }}
),

located as (
    select
        placed.*,
        -- Only a person may name a special member. The condition is not in the join, because an "or" there would prevent a
        -- hash join.
        branches.branch_id is not null
        and (not branches.is_sentinel or placed.evidence_code = {{ evidence('person') }}) as is_known_branch,
        (branches.opened_on is null or branches.opened_on <= placed.credit_on)
        and (branches.closed_on is null or placed.credit_on < branches.closed_on) as is_open_branch,
        coalesce(
            versions.partner_id,
            case when not branches.is_sentinel or placed.evidence_code = {{ evidence('person') }} then branches.partner_id end,
            named.partner_id,
            case when placed.is_placed_by_rep then placed.rep_partner_id end
        ) as known_partner_id
    from placed
    left join branches on placed.placed_branch_id = branches.branch_id
    left join {{ ref('int_branch_history') }} as versions
        on
            branches.branch_id = versions.branch_id
            and {{ is_within('placed.credit_on', 'versions.valid_from', 'versions.valid_to') }}
    left join partners as named on placed.partner_id = named.partner_id
)

select
    located.deal_id,
    located.credit_on,
    located.evidence_code,
    located.points_to,
    located.value as raw_value,
    located.matched_by,
    case when located.is_known_branch then located.placed_branch_id end as branch_id,
    case when located.is_known_rep then located.rep_id end as rep_id,
    located.known_partner_id as partner_id,
    coalesce(identity.acting_partner_id, located.known_partner_id) as acting_partner_id,
    -- The distributor of a two-tier deal, by its role or by its partner type.
    coalesce(
        located.role = 'distributor' or (located.channel = 'distributor' and partners.partner_type = 'distributor'), false
    ) as is_of_distributor,
    located.role,
    located.is_primary,
    located.claimed_on,
    located.registration_id,
    located.decided_at,
    case
        when located.registration_status is not null and located.registration_status != 'approved'
            then 'REGISTRATION_NOT_APPROVED'
        when located.expires_on < located.credit_on then 'REGISTRATION_EXPIRED'
        when located.placed_branch_id is not null and not located.is_known_branch then 'BRANCH_UNKNOWN'
        when
            located.placed_branch_id is not null
            and not located.is_open_branch
            and located.evidence_code != {{ evidence('person') }}
            then 'BRANCH_CLOSED_AT_DATE'
        when located.points_to = 'rep' and located.placed_branch_id is null and located.has_post then 'REP_MULTI_BRANCH'
        when located.points_to = 'rep' and located.placed_branch_id is null and located.is_known_rep
            then 'REP_NO_ASSIGNMENT'
        when located.placed_branch_id is null and located.known_partner_id is null then 'PARTNER_UNKNOWN'
    end as reason
from located
left join {{ ref('int_partner_identity') }} as identity
    on
        located.known_partner_id = identity.partner_id
        and {{ is_within('located.credit_on', 'identity.valid_from', 'identity.valid_to') }}
left join partners on located.known_partner_id = partners.partner_id
