-- name: decided
select
    attribution.deal_id, attribution.rung, ladder.meaning_ja, ladder.meaning, attribution.credit_on, branches.branch_name,
    partners.partner_name, attribution.candidate_count, attribution.contradiction_count
from attribution.deal_attribution as attribution
left join (
    select
        rung,
        min_by(meaning, (evidence_code, points_to)) as meaning,
        min_by(meaning_ja, (evidence_code, points_to)) as meaning_ja
    from attribution.attribution_ladder
    group by rung
) as ladder on attribution.rung = ladder.rung
left join core.dim_branch as branches on attribution.branch_id_current = branches.branch_id
left join core.dim_partner as partners on attribution.partner_id = partners.partner_id
where attribution.deal_id in (select unnest(from_json(getvariable('deals'), '["varchar"]')))

-- name: evidence
select evidence.deal_id, evidence.status, evidence.rung, ladder.meaning_ja, ladder.meaning, evidence.raw_value
from attribution.deal_evidence as evidence
left join attribution.attribution_ladder as ladder
    on evidence.evidence_code = ladder.evidence_code and evidence.points_to = ladder.points_to
where evidence.deal_id in (select unnest(from_json(getvariable('deals'), '["varchar"]')))
order by
    evidence.deal_id, evidence.rung_order nulls last, evidence.evidence_code, evidence.branch_id, evidence.raw_value,
    evidence.registration_id
