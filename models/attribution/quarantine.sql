-- One row per deal and reason. What decided the sentinel is an error; what stands beside a decision is a warning.
with deals as (
    select * from {{ ref('int_deals') }}
),

attribution as (
    select * from {{ ref('deal_attribution') }}
),

evidence as (
    select * from {{ ref('deal_evidence') }}
),

-- Evidence that came after a decision which carries no hash, and names another branch.
later_evidence as (
    select distinct evidence.deal_id
    from evidence
    inner join {{ ref('stg_attribution_overrides') }} as overrides on evidence.deal_id = overrides.deal_id
    where
        evidence.status = 'contradicting'
        and evidence.branch_id != overrides.branch_id
        and evidence.claimed_on > coalesce(overrides.decided_on, overrides.extracted_on)
),

found as (
    select deal_id, reason, 'error' as severity from attribution where reason is not null
    union all
    select distinct evidence.deal_id, evidence.reason, 'warning' as severity
    from evidence
    inner join attribution on evidence.deal_id = attribution.deal_id
    where
        evidence.reason in (
            'BRANCH_CLOSED_AT_DATE', 'BRANCH_UNKNOWN', 'REP_NO_ASSIGNMENT', 'REP_MULTI_BRANCH', 'DUPLICATE_DEAL'
        )
        and evidence.reason is distinct from attribution.reason
    union all
    select deals.deal_id, 'CHANNEL_CONFLICT' as reason, 'warning' as severity
    from deals
    inner join attribution on deals.deal_id = attribution.deal_id
    where deals.channel = 'direct' and attribution.branch_id != 'DIRECT'
    union all
    select deals.deal_id, 'LOST_EVIDENCE' as reason, 'warning' as severity
    from deals
    inner join attribution on deals.deal_id = attribution.deal_id
    where deals.ever_named_a_partner and attribution.branch_id = 'DIRECT' and attribution.rung != 'L0'
    union all
    select deal_id, 'FX_MISSING' as reason, 'warning' as severity from deals where is_fx_missing
    union all
    select deal_id, 'AMOUNT_MISMATCH' as reason, 'warning' as severity from deals where is_amount_mismatch
    union all
    select attribution.deal_id, 'STALE_OVERRIDE' as reason, 'warning' as severity
    from attribution
    inner join {{ ref('stg_attribution_overrides') }} as overrides on attribution.deal_id = overrides.deal_id
    left join later_evidence on attribution.deal_id = later_evidence.deal_id
    where
        attribution.rung = 'L0'
        and (
            overrides.evidence_hash != attribution.evidence_hash
            or (overrides.evidence_hash is not null and attribution.evidence_hash is null)
            or (overrides.evidence_hash is null and later_evidence.deal_id is not null)
        )
),

candidates as (
    select evidence.deal_id, {{ candidates_json() }} as candidates
    from evidence
    inner join (select distinct deal_id from found) as quarantined on evidence.deal_id = quarantined.deal_id
    group by evidence.deal_id
)

select
    found.deal_id,
    found.reason,
    found.severity,
    coalesce(candidates.candidates, '[]') as candidates,
    attribution.branch_id,
    attribution.partner_id,
    deals.deal_name,
    deals.status,
    deals.credit_on,
    deals.amount,
    deals.currency,
    cast(deals.amount_in_currency as decimal(18, 4)) as amount_in_currency,
    deals.first_extracted_on as first_seen_on,
    cast({{ dbt.datediff('deals.first_extracted_on', 'today.as_of', 'day') }} as integer) as age_days, -- noqa: LT05
    reasons.question,
    reasons.question_ja,
    attribution.evidence_hash
from found
inner join deals on found.deal_id = deals.deal_id
inner join attribution on found.deal_id = attribution.deal_id
left join candidates on found.deal_id = candidates.deal_id
left join {{ ref('quarantine_reasons') }} as reasons on found.reason = reasons.reason
cross join {{ ref('int_as_of') }} as today
