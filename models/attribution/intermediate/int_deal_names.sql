-- One row per deal, text on it and match of that text on the credit date. The partner is matched first, then a branch or rep
-- of that partner only.
with deals as (
    select deal_id, credit_on, channel, created_on from {{ ref('int_deal_texts') }}
),

deal_partners as (
    select * from {{ ref('int_deal_partners') }} where partner_text is not null
),

branch_texts as (
    select * from {{ ref('int_branch_texts') }}
),

rep_texts as (
    select * from {{ ref('int_rep_texts') }}
),

versions as (
    select * from {{ ref('int_branch_history') }}
),

partners as (
    select partner_id, partner_type from {{ ref('int_partners') }}
),

signals as (
    select
        deal_id,
        {{ evidence('partner') }} as evidence_code,
        'partner' as points_to,
        partner_text as raw_value,
        matched_by,
        cast(null as string) as branch_id,
        cast(null as string) as rep_id,
        text_partner_id as acting_partner_id,
        case
            when text_partner_id is not null then null
            when is_shared_name then 'CONFLICT_PARTNER'
            else 'PARTNER_UNKNOWN'
        end as reason
    from deal_partners
    union all
    select
        deal_id, {{ evidence('branch_text') }} as evidence_code, 'branch' as points_to, raw_value, matched_by, branch_id,
        null as rep_id, acting_partner_id, reason
    from branch_texts
    union all
    select
        deal_id, {{ evidence('rep_text') }} as evidence_code, 'rep' as points_to, raw_value, matched_by, branch_id,
        rep_id, acting_partner_id, reason
    from rep_texts
)

select distinct
    deals.deal_id,
    deals.credit_on,
    signals.evidence_code,
    signals.points_to,
    signals.raw_value,
    signals.matched_by,
    signals.branch_id,
    signals.rep_id,
    coalesce(versions.partner_id, signals.acting_partner_id) as partner_id,
    signals.acting_partner_id,
    coalesce(deals.channel = 'distributor' and partners.partner_type = 'distributor', false) as is_of_distributor,
    deals.created_on as claimed_on,
    signals.reason
from signals
inner join deals on signals.deal_id = deals.deal_id
left join versions
    on
        signals.branch_id = versions.branch_id
        and {{ is_within('deals.credit_on', 'versions.valid_from', 'versions.valid_to') }}
left join partners on signals.acting_partner_id = partners.partner_id
