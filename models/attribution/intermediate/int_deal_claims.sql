-- One row per claim of a source about a deal's partner side, in the source's own terms, before any look-up.
with deals as (
    select * from {{ ref('int_deals') }}
),

overrides as (
    select
        deal_id, branch_id, rep_id, coalesce(decided_on, extracted_on) as decided_on
    from {{ ref('stg_attribution_overrides') }}
    -- A row without a branch is no decision yet. An empty branch with the reason "withdraw" withdraws a decision.
    where branch_id is not null and reason is not null
),

registrations as (
    select
        *,
        {{ business_date('submitted_at') }} as submitted_on,
        coalesce(approved_at, submitted_at) as decided_at
    from {{ ref('stg_deal_registrations') }}
    where deal_id is not null
),

participants as (
    select *, {{ business_date('added_at') }} as added_on from {{ ref('stg_deal_participants') }}
),

-- The evidence code of each column of a registration or of a deal, by what the column names.
registration_evidence as (
    select 'branch' as points_to, {{ evidence('registered_branch') }} as evidence_code
    union all
    select 'rep' as points_to, {{ evidence('registered_rep') }} as evidence_code
    union all
    select 'email' as points_to, {{ evidence('registered_rep') }} as evidence_code
    union all
    select 'partner' as points_to, {{ evidence('partner') }} as evidence_code
),

deal_evidence as (
    select 'branch' as points_to, {{ evidence('branch_id') }} as evidence_code
    union all
    select 'rep' as points_to, {{ evidence('rep_id') }} as evidence_code
    union all
    select 'email' as points_to, {{ evidence('email') }} as evidence_code
    union all
    select 'partner' as points_to, {{ evidence('partner') }} as evidence_code
),

registered as (
    select
        registrations.*,
        registration_evidence.evidence_code,
        registration_evidence.points_to,
        case registration_evidence.points_to
            when 'branch' then registrations.branch_id
            when 'rep' then registrations.rep_id
            when 'email' then {{ email_address('registrations.rep_email') }}
            else registrations.partner_id
        end as value
    from registrations
    cross join registration_evidence
),

named as (
    select
        deals.deal_id,
        deals.created_on,
        deal_evidence.evidence_code,
        deal_evidence.points_to,
        case deal_evidence.points_to
            when 'branch' then deals.named_branch_id
            when 'rep' then deals.named_rep_id
            when 'email' then deals.named_rep_email
            else deals.named_partner_id
        end as value
    from deals
    cross join deal_evidence
)

select
    deal_id,
    {{ evidence('person') }} as evidence_code,
    'branch' as points_to,
    branch_id as value,
    rep_id,
    cast(null as string) as role,
    false as is_primary,
    decided_on as claimed_on,
    cast(null as string) as registration_id,
    cast(null as string) as registration_status,
    cast(null as date) as expires_on,
    cast(null as timestamp) as decided_at
from overrides
union all
select
    deal_id, evidence_code, points_to, value, null as rep_id, 'registration' as role, false as is_primary,
    submitted_on as claimed_on, registration_id, status as registration_status, expires_on, decided_at
from registered
where value is not null
union all
select
    deal_id, evidence_code, points_to, value, null as rep_id, null as role, false as is_primary,
    created_on as claimed_on, null as registration_id, null as registration_status, null as expires_on, null as decided_at
from named
where value is not null
union all
select
    deal_id, {{ evidence('participant') }} as evidence_code, party_type as points_to, party_id as value, null as rep_id,
    role, coalesce(is_primary, false) as is_primary, added_on as claimed_on,
    null as registration_id, null as registration_status, null as expires_on, null as decided_at
from participants
