-- The people to call at each open branch, first the one whose call is worth most, then the one with the most urgent reason.
with reasons as (
    select
        reasons.rep_id, reasons.branch_id, reasons.reason, labels.reason_order, labels.action_type, labels.meaning, labels.meaning_ja,
        row_number() over (partition by reasons.rep_id order by labels.reason_order nulls last, reasons.reason) as urgency
    from {{ ref('int_people_reasons') }} as reasons
    inner join {{ ref('people_reasons') }} as labels on reasons.reason = labels.reason
)

select
    reasons.*,
    calls.call_value,
    calls.call_evidence,
    count(*) over (partition by reasons.branch_id) as people_to_call,
    row_number() over (
        partition by reasons.branch_id order by calls.call_value desc nulls last, reasons.reason_order nulls last, reasons.rep_id
    ) as person_rank
from reasons
inner join {{ ref('int_call_values') }} as calls on reasons.rep_id = calls.rep_id
where reasons.urgency = 1
