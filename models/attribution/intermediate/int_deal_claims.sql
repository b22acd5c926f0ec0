{{ config(materialized='view') }}

-- What each source says of a deal's partner side, as it says it: nothing is looked up yet.
with deals as (
    select * from {{ ref('int_deals') }}
),

overrides as (
    select
        deal_id, branch_id, rep_id, coalesce(decided_on, extracted_on) as decided_on
    from {{ ref('stg_attribution_overrides') }}
    -- A row without a branch is not decided yet; an empty branch with the reason "withdraw" takes a decision back.
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
)

{% set nothing_registered -%}
    cast(null as string) as registration_id,
    cast(null as string) as registration_status,
    cast(null as date) as expires_on,
    cast(null as timestamp) as decided_at
{%- endset -%}

select
    deal_id,
    'E01' as evidence_code,
    'branch' as points_to,
    branch_id as value,
    rep_id,
    cast(null as string) as role,
    false as is_primary,
    decided_on as claimed_on,
    {{ nothing_registered }}
from overrides

{% for code, points_to, column in [
    ('E02', 'branch', 'branch_id'), ('E03', 'rep', 'rep_id'), ('E03', 'email', 'lower(rep_email)'),
    ('E11', 'partner', 'partner_id'),
] -%}
union all
select
    deal_id,
    '{{ code }}' as evidence_code,
    '{{ points_to }}' as points_to,
    {{ column }} as value,
    cast(null as string) as rep_id,
    'registration' as role,
    false as is_primary,
    submitted_on as claimed_on,
    registration_id,
    status as registration_status,
    expires_on,
    decided_at
from registrations
where {{ column }} is not null
{% endfor %}

{% for code, points_to, column in [
    ('E04', 'branch', 'named_branch_id'), ('E06', 'rep', 'named_rep_id'), ('E07', 'email', 'named_rep_email'),
    ('E11', 'partner', 'named_partner_id'),
] -%}
union all
select
    deal_id,
    '{{ code }}' as evidence_code,
    '{{ points_to }}' as points_to,
    {{ column }} as value,
    cast(null as string) as rep_id,
    cast(null as string) as role,
    false as is_primary,
    created_on as claimed_on,
    {{ nothing_registered }}
from deals
where {{ column }} is not null
{% endfor %}

union all
select
    deal_id,
    'E05' as evidence_code,
    party_type as points_to,
    party_id as value,
    cast(null as string) as rep_id,
    role,
    coalesce(is_primary, false) as is_primary,
    added_on as claimed_on,
    {{ nothing_registered }}
from participants
