-- The hash covers the facts that a person saw when deciding. It does not cover the decision itself.
with summaries as (
    select
        deal_id,
        min(case when status in ('supporting', 'contradicting') then branch_id end) as lowest_branch_id,
        max(case when status in ('supporting', 'contradicting') then branch_id end) as highest_branch_id,
        sum(case when status = 'contradicting' then 1 else 0 end) as contradiction_count,
        min(case when status = 'supporting' and branch_id is not null then rep_id end) as lowest_rep_id,
        max(case when status = 'supporting' and branch_id is not null then rep_id end) as highest_rep_id,
        {{ evidence_hash() }} as evidence_hash
    from {{ ref('deal_evidence') }}
    group by deal_id
),

-- If several reps support the winning branch, the one with the strongest evidence is credited, among equals the one named
-- first. The one named first of all is the originator.
named_reps as (
    select
        deal_id,
        max(case when strength = 1 then rep_id end) as rep_id,
        max(case when precedence = 1 then rep_id end) as originating_rep_id
    from (
        select
            evidence.deal_id,
            evidence.rep_id,
            row_number() over (
                partition by evidence.deal_id
                order by evidence.rung_order nulls last, evidence.claimed_on nulls last, evidence.rep_id
            ) as strength,
            row_number() over (
                partition by evidence.deal_id
                order by evidence.claimed_on nulls last, evidence.rung_order nulls last, evidence.rep_id
            ) as precedence
        from {{ ref('deal_evidence') }} as evidence
        inner join summaries
            on evidence.deal_id = summaries.deal_id and summaries.lowest_rep_id != summaries.highest_rep_id
        where evidence.rep_id is not null and evidence.branch_id is not null and evidence.status = 'supporting'
    ) as ranked
    where strength = 1 or precedence = 1
    group by deal_id
),

-- A rep may be known although the branch is not: the one rep of the strongest evidence, if the rep has no branch on the credit
-- date and is not another partner's. A name that no rep has on that day is no evidence of a person.
people as (
    select ranked.deal_id, min(ranked.rep_id) as rep_id
    from (
        select
            evidence.deal_id,
            evidence.rep_id,
            evidence.status,
            rank() over (partition by evidence.deal_id order by evidence.rung_order nulls last) as strength
        from {{ ref('deal_evidence') }} as evidence
        inner join {{ ref('int_deal_outcomes') }} as decisions on evidence.deal_id = decisions.deal_id
        inner join {{ ref('dim_branch') }} as branches on decisions.branch_id = branches.branch_id and branches.is_sentinel
        where
            evidence.rep_id is not null
            and decisions.branch_id != 'DIRECT'
            and decisions.reason is distinct from 'CONFLICT_PARTNER'
            and evidence.status in ('supporting', 'ineligible')
            and coalesce(evidence.reason, 'REP_MULTI_BRANCH') in (
                'REP_MULTI_BRANCH', 'REP_NO_ASSIGNMENT', 'BRANCH_CLOSED_AT_DATE'
            )
            and (evidence.evidence_code != {{ evidence('rep_text') }} or evidence.reason is distinct from 'REP_NO_ASSIGNMENT')
            and coalesce(evidence.partner_id, branches.partner_id) = branches.partner_id
    ) as ranked
    where ranked.strength = 1
    group by ranked.deal_id
    having min(ranked.rep_id) = max(ranked.rep_id) and max(ranked.status) = 'ineligible'
),

-- A person who names a rep, and no branch, changes the rep alone.
decided_reps as (
    select deal_id, rep_id
    from {{ ref('deal_evidence') }}
    where evidence_code = {{ evidence('person') }} and points_to = 'rep' and status = 'supporting'
),

-- Only deals with several candidates are counted: few deals have them, and counting distinct branches is expensive.
candidate_counts as (
    select evidence.deal_id, count(distinct evidence.branch_id) as candidate_count
    from {{ ref('deal_evidence') }} as evidence
    inner join summaries
        on
            evidence.deal_id = summaries.deal_id
            and summaries.lowest_branch_id != summaries.highest_branch_id
    where evidence.status in ('supporting', 'contradicting')
    group by evidence.deal_id
)

select
    deals.deal_id,
    decisions.branch_id,
    versions.branch_version_id,
    branches.current_branch_id as branch_id_current,
    versions.partner_id,
    coalesce(
        decided_reps.rep_id,
        people.rep_id,
        case when not branches.is_sentinel then coalesce(named_reps.rep_id, summaries.lowest_rep_id) end,
        'NONE'
    ) as rep_id,
    coalesce(
        case when not branches.is_sentinel then coalesce(named_reps.originating_rep_id, summaries.lowest_rep_id) end,
        decided_reps.rep_id,
        people.rep_id,
        'NONE'
    ) as originating_rep_id,
    decisions.rung,
    decisions.reason,
    -- For a partner's deal: whether its branch is known. Null for a direct deal, which has no branch to find.
    case when decisions.branch_id != 'DIRECT' then not branches.is_sentinel end as is_resolved,
    deals.credit_on,
    deals.credit_basis,
    coalesce(
        candidate_counts.candidate_count, case when summaries.lowest_branch_id is not null then 1 end, 0
    ) as candidate_count,
    cast(coalesce(summaries.contradiction_count, 0) as bigint) as contradiction_count,
    summaries.evidence_hash
from {{ ref('int_deals') }} as deals
left join {{ ref('int_deal_outcomes') }} as decisions on deals.deal_id = decisions.deal_id
left join {{ ref('dim_branch') }} as branches on decisions.branch_id = branches.branch_id
left join {{ ref('int_branch_versions') }} as versions
    on
        decisions.branch_id = versions.branch_id
        and {{ is_within('deals.credit_on', 'versions.covers_from', 'versions.valid_to') }}
left join summaries on deals.deal_id = summaries.deal_id
left join named_reps on deals.deal_id = named_reps.deal_id
left join people on deals.deal_id = people.deal_id
left join decided_reps on deals.deal_id = decided_reps.deal_id
left join candidate_counts on deals.deal_id = candidate_counts.deal_id
