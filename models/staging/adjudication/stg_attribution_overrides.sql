with latest as (
    {{ latest_rows('attribution_overrides', ['deal_id']) }}
)

select
    deal_id,
    branch_id,
    rep_id,
    decided_by,
    decided_on,
    reason,
    evidence_hash,
    source_name,
    file_name,
    row_number,
    extracted_on
from latest
