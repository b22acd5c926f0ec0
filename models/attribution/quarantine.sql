-- One row per deal and reason. A reason that led to a special member is an error. A reason next to a branch is a warning.
with deals as (
    select * from {{ ref('int_deals') }}
),

attribution as (
    select * from {{ ref('deal_attribution') }}
),

evidence as (
    select * from {{ ref('deal_evidence') }}
),

overrides as (
    select * from {{ ref('stg_attribution_overrides') }}
),

-- Deals whose decision has no hash, with later evidence that names another branch.
later_evidence as (
    select distinct evidence.deal_id
    from evidence
    inner join overrides on evidence.deal_id = overrides.deal_id
    where
        evidence.status = 'contradicting'
        and evidence.branch_id != overrides.branch_id
        and evidence.claimed_on > coalesce(overrides.decided_on, overrides.extracted_on)
),

-- A person who decided has seen the flaws of the evidence. Therefore these deals are not listed for such flaws again.
found as (
    select deal_id, reason, 'error' as severity from attribution where reason is not null
    union all
    select distinct evidence.deal_id, evidence.reason, 'warning' as severity
    from evidence
    inner join attribution on evidence.deal_id = attribution.deal_id
    where
        evidence.reason in ('BRANCH_CLOSED_AT_DATE', 'BRANCH_UNKNOWN', 'REP_NO_ASSIGNMENT', 'REP_MULTI_BRANCH', 'REP_UNKNOWN')
        and evidence.reason is distinct from attribution.reason
        and attribution.rung != {{ rung_of_a_person() }}
    union all
    select deal_id, 'DUPLICATE_DEAL' as reason, 'warning' as severity
    from (
        select deal_id from evidence where reason = 'DUPLICATE_DEAL'
        union
        select deal_id from {{ ref('int_duplicate_deals') }}
    ) as duplicates
    union all
    select deals.deal_id, 'CHANNEL_CONFLICT' as reason, 'warning' as severity
    from deals
    inner join attribution on deals.deal_id = attribution.deal_id
    where deals.channel = 'direct' and attribution.branch_id != 'DIRECT' and attribution.rung != {{ rung_of_a_person() }}
    union all
    select attribution.deal_id, 'LOST_EVIDENCE' as reason, 'warning' as severity
    from attribution
    inner join {{ ref('int_once_named_deals') }} as once_named on attribution.deal_id = once_named.deal_id
    where attribution.branch_id = 'DIRECT' and attribution.rung != {{ rung_of_a_person() }}
    union all
    select deal_id, 'FX_MISSING' as reason, 'warning' as severity from deals where is_fx_missing
    union all
    select deal_id, 'AMOUNT_MISMATCH' as reason, 'warning' as severity from deals where is_amount_mismatch
    union all
    select attribution.deal_id, 'STALE_OVERRIDE' as reason, 'warning' as severity
    from attribution
    inner join overrides on attribution.deal_id = overrides.deal_id
    left join later_evidence on attribution.deal_id = later_evidence.deal_id
    where
        attribution.rung = {{ rung_of_a_person() }}
        and (
            overrides.evidence_hash != attribution.evidence_hash
            or (overrides.evidence_hash is not null and attribution.evidence_hash is null)
            or (overrides.evidence_hash is null and later_evidence.deal_id is not null)
        )
),

rated as (
    select
        deal_id,
        reason,
        case reason
            {%- for reason, severity in var('quarantine_severities').items() %}
            when '{{ reason }}' then '{{ severity }}'
            {%- endfor %}
            else severity
        end as severity
    from found
),

listed as (
    select * from rated where severity != 'off'
),

-- A candidate is a branch, or a partner if no signal names a branch of it. A branch that was not open on the credit date comes
-- last, after the branch that took over. Otherwise candidates with a better rung come first, then with more signals, with a
-- more similar name and with a later claim.
candidate_signals as (
    select
        evidence.deal_id, evidence.branch_id, evidence.partner_id, evidence.rung_order, evidence.score,
        evidence.claimed_on, evidence.reason,
        {{ dbt.concat([
            "evidence.evidence_code", "' '", "evidence.raw_value",
            "coalesce(" ~ dbt.concat(["' '", "cast(evidence.claimed_on as string)"]) ~ ", '')",
            "coalesce(" ~ dbt.concat(["' '", "evidence.reason"]) ~ ", '')",
        ]) }} as signal
    from evidence
    inner join (select distinct deal_id from listed) as quarantined on evidence.deal_id = quarantined.deal_id
    where
        evidence.partner_id is not null
        and coalesce(evidence.reason, '') not in ('REGISTRATION_NOT_APPROVED', 'REGISTRATION_EXPIRED', 'SWITCHED_OFF')
),

all_signals as (
    select deal_id, branch_id, partner_id, rung_order, score, claimed_on, signal, reason = 'BRANCH_CLOSED_AT_DATE' as is_closed
    from candidate_signals
    union all
    select
        closed.deal_id, takeovers.branch_id, takeovers.partner_id, closed.rung_order, closed.score, closed.claimed_on,
        {{ dbt.concat(["closed.signal", "' → '", "takeovers.branch_id"]) }} as signal, false as is_closed
    from candidate_signals as closed
    inner join deals on closed.deal_id = deals.deal_id
    inner join {{ ref('int_takeovers') }} as takeovers
        on closed.branch_id = takeovers.named_branch_id and deals.credit_on = takeovers.credit_on
    where closed.reason = 'BRANCH_CLOSED_AT_DATE'
),

branches_named as (
    select distinct deal_id, partner_id from all_signals where branch_id is not null
),

grouped_signals as (
    select
        signals.deal_id, signals.branch_id, signals.partner_id,
        min(signals.rung_order) as rung_order,
        max(case when signals.is_closed then 1 else 0 end) as is_closed,
        count(*) as signal_count,
        max(coalesce(signals.score, 0)) as score,
        max(signals.claimed_on) as claimed_on,
        {{ joined_texts("signals.signal", "'; '", "signals.rung_order nulls last, signals.signal") }} as why
    from all_signals as signals
    left join branches_named
        on
            signals.deal_id = branches_named.deal_id
            and signals.partner_id = branches_named.partner_id
    where signals.branch_id is not null or branches_named.deal_id is null
    group by signals.deal_id, signals.branch_id, signals.partner_id
),

ranked_candidates as (
    select
        grouped_signals.deal_id,
        grouped_signals.branch_id,
        branches.branch_name,
        grouped_signals.partner_id,
        partners.partner_name,
        grouped_signals.why,
        row_number() over (
            partition by grouped_signals.deal_id
            order by
                grouped_signals.is_closed nulls last,
                grouped_signals.rung_order nulls last,
                grouped_signals.signal_count desc nulls last,
                grouped_signals.score desc nulls last,
                grouped_signals.claimed_on desc nulls last,
                grouped_signals.branch_id nulls last,
                grouped_signals.partner_id
        ) as candidate_rank
    from grouped_signals
    left join {{ ref('dim_branch') }} as branches on grouped_signals.branch_id = branches.branch_id
    left join {{ ref('dim_partner') }} as partners on grouped_signals.partner_id = partners.partner_id
),

candidates as (
    select deal_id, {{ candidates_json() }} as candidates
    from ranked_candidates
    group by deal_id
)

select
    listed.deal_id,
    listed.reason,
    listed.severity,
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
    cast({{ days_between('deals.first_extracted_on', 'today.as_of') }} as integer) as age_days,
    reasons.question,
    reasons.question_ja,
    attribution.evidence_hash
from listed
inner join deals on listed.deal_id = deals.deal_id
inner join attribution on listed.deal_id = attribution.deal_id
left join candidates on listed.deal_id = candidates.deal_id
left join {{ ref('quarantine_reasons') }} as reasons on listed.reason = reasons.reason
cross join {{ ref('int_as_of') }} as today
