-- A decision about a deal that nobody knows is in as well: it must not vanish unseen.
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
where branch_id is not null
