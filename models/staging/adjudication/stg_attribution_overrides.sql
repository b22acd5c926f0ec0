-- A row without a decision replaces nothing. So the latest row of a deal is chosen among decisions only: rows that name
-- a branch, and rows that withdraw a decision.
with decisions as (
    select *
    from ({{ extract_rows('attribution_overrides') }}) as landed
    where branch_id is not null or lower(reason) = 'withdraw'
),

latest as (
    select
        *,
        row_number() over (partition by deal_id order by extract_number desc nulls last) as recency
    from decisions
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
where recency = 1
