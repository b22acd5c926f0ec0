-- Branches that took part in a deal and are not credited. Never summed with credit.
with involved as (
    select
        evidence.deal_id,
        coalesce(evidence.branch_id, {{ unknown_branch_of('evidence.partner_id') }}) as branch_id,
        evidence.partner_id,
        case
            when evidence.role in ('distributor', 'reseller', 'referrer', 'co_sell', 'implementer', 'seller') then evidence.role
            when evidence.is_distributor then 'distributor'
            else 'seller'
        end as role
    from {{ ref('deal_evidence') }} as evidence
    where
        evidence.partner_id is not null
        and (
            evidence.reason = 'INFLUENCE'
            or (evidence.evidence_code = {{ evidence('participant') }} and evidence.status = 'contradicting')
        )
)

select distinct
    involved.deal_id,
    involved.branch_id,
    involved.partner_id,
    involved.role
from involved
inner join {{ ref('deal_attribution') }} as attribution on involved.deal_id = attribution.deal_id
where involved.branch_id != attribution.branch_id
