-- Whom to call, and why: salespeople who are at an open branch today.
select
    reasons.rep_id,
    reps.rep_name,
    reasons.branch_id,
    branches.branch_name,
    calls.partner_id,
    partners.partner_name,
    managers.account_manager_id,
    managers.account_manager_name,
    reasons.reason,
    labels.reason_order,
    labels.meaning,
    labels.meaning_ja,
    reasons.evidence,
    reasons.reason_on,
    records.last_contact_on,
    records.last_deal_on,
    coalesce(records.deals_brought, 0) as deals_brought,
    cast(coalesce(records.sold_deals, 0) as bigint) as sold_deals,
    cast(coalesce(records.sold_amount, 0) as {{ money_type() }}) as sold_amount,
    records.sold_products,
    reasons.other_rep_id,
    reasons.open_deals as left_deals,
    reasons.open_amount as left_amount,
    reasons.customers as left_customers,
    calls.situation,
    calls.calls as earlier_calls,
    calls.deals_after_call,
    calls.deals_without_call,
    calls.win_rate as call_win_rate,
    calls.win_amount as call_win_amount,
    calls.call_value,
    calls.call_evidence,
    calls.no_value_reason
from {{ ref('int_people_reasons') }} as reasons
inner join {{ ref('int_call_values') }} as calls on reasons.rep_id = calls.rep_id
inner join {{ ref('people_reasons') }} as labels on reasons.reason = labels.reason
left join {{ ref('dim_rep') }} as reps on reasons.rep_id = reps.rep_id
left join {{ ref('int_rep_records') }} as records on reasons.rep_id = records.rep_id
left join {{ ref('dim_branch') }} as branches on reasons.branch_id = branches.branch_id
left join {{ ref('dim_partner') }} as partners on calls.partner_id = partners.partner_id
left join {{ ref('int_branch_managers') }} as managers on reasons.branch_id = managers.branch_id
