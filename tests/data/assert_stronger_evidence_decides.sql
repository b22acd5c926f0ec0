-- Fails when a rung decided a deal although eligible evidence on a stronger rung points to another branch: explicit
-- evidence must never lose to weaker evidence.
{{ config(meta={'dagster': {'ref': {'name': 'deal_evidence'}}}) }}

with rungs as (
    select distinct rung, rung_order from {{ ref('attribution_ladder') }} where rung_order is not null
)

select
    attribution.deal_id,
    attribution.branch_id,
    attribution.rung,
    evidence.evidence_code,
    evidence.branch_id as stronger_branch_id
from {{ ref('deal_attribution') }} as attribution
left join rungs on attribution.rung = rungs.rung
left join {{ ref('deal_evidence') }} as evidence on attribution.deal_id = evidence.deal_id
where
    attribution.reason is null
    and evidence.status = 'contradicting'
    and evidence.reason is null
    and evidence.branch_id is not null
    and evidence.rung_order < rungs.rung_order
