select
    customer_id,
    deal_id,
    other_deal_id,
    conflict_kind,
    branch_id,
    partner_id,
    other_branch_id,
    other_partner_id,
    conflict_from,
    conflict_to
from {{ ref('int_channel_conflicts') }}
