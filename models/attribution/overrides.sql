-- Decisions about unknown deals are included. Otherwise they would be lost without a notice.
select
    deal_id,
    branch_id,
    rep_id,
    decided_by,
    coalesce(decided_on, extracted_on) as decided_on,
    reason,
    evidence_hash,
    file_name,
    row_number
from {{ ref('stg_attribution_overrides') }}
where branch_id is not null or rep_id is not null
