-- What a person has to decide: every deal in quarantine once, with all its reasons and the evidence of the sources.
with reasons as (
    select
        deal_id,
        min(severity) as severity, -- error before warning
        {{ joined_texts('reason', "', '", 'severity, reason') }} as reasons,
        {{ joined_texts('question', "' '", 'severity, reason') }} as question,
        {{ joined_texts('question_ja', "' '", 'severity, reason') }} as question_ja
    from {{ ref('quarantine') }}
    group by deal_id
),

-- Columns that describe the deal have the same value in each of its rows.
deals as (
    select
        *, row_number() over (partition by deal_id order by severity nulls last, reason nulls last) as reason_rank
    from {{ ref('quarantine') }}
),

claims as (
    select distinct
        evidence.deal_id,
        {{ dbt.concat([
            "evidence.evidence_code", "' '", "evidence.raw_value",
            "coalesce(" ~ dbt.concat(["' (the roster has '", "near_ids.near_id", "')'"]) ~ ", '')",
        ]) }} as claim
    from {{ ref('deal_evidence') }} as evidence
    left join {{ ref('int_near_ids') }} as near_ids
        on evidence.points_to = near_ids.points_to and evidence.raw_value = near_ids.raw_value
    where evidence.evidence_code != {{ evidence('person') }} and evidence.raw_value is not null
),

evidence as (
    select deal_id, {{ joined_texts('claim', "'; '", 'claim') }} as evidence
    from claims
    group by deal_id
)

select
    deals.deal_id,
    deals.evidence_hash,
    reasons.severity,
    reasons.reasons,
    reasons.question,
    reasons.question_ja,
    deals.deal_name,
    customers.customer_name,
    partners.partner_name,
    deals.candidates,
    deals.branch_id as credited_branch_id,
    branches.branch_name as credited_branch_name,
    evidence.evidence,
    case
        when overrides.deal_id is not null
            then concat_ws(
                ' ', cast(overrides.decided_on as string), overrides.decided_by, '→', overrides.branch_id, overrides.reason
            )
    end as earlier_decision,
    deals.status,
    deals.credit_on,
    deals.amount,
    deals.currency,
    deals.amount_in_currency,
    deals.first_seen_on,
    deals.age_days
from deals
inner join reasons on deals.deal_id = reasons.deal_id
left join evidence on deals.deal_id = evidence.deal_id
left join {{ ref('overrides') }} as overrides on deals.deal_id = overrides.deal_id
inner join {{ ref('int_deals') }} as facts on deals.deal_id = facts.deal_id
left join {{ ref('dim_customer') }} as customers on facts.customer_id = customers.customer_id
left join {{ ref('dim_partner') }} as partners on deals.partner_id = partners.partner_id
left join {{ ref('dim_branch') }} as branches on deals.branch_id = branches.branch_id
where deals.reason_rank = 1
