-- A row without a decision replaces nothing. A row with a branch, or one that withdraws, replaces all earlier rows of its
-- deal. A row with a rep alone replaces the rep of earlier rows, and leaves their branch.
with decisions as (
    select
        *,
        branch_id is null and not coalesce(lower(reason) = 'withdraw', false) as is_of_rep
    from ({{ extract_rows('attribution_overrides') }}) as landed
    where branch_id is not null or rep_id is not null or lower(reason) = 'withdraw'
),

dated as (
    select
        *,
        max(case when not is_of_rep then extract_number end) over (partition by deal_id) as decided_number
    from decisions
),

standing as (
    select
        *,
        first_value(rep_id) over (partition by deal_id order by extract_number desc nulls last) as latest_rep_id,
        row_number() over (
            partition by deal_id
            order by
                case when branch_id is not null then 0 when is_of_rep then 1 else 2 end,
                extract_number desc nulls last
        ) as precedence
    from dated
    where decided_number is null or extract_number >= decided_number
)

select
    deal_id,
    branch_id,
    case when branch_id is not null or is_of_rep then latest_rep_id end as rep_id,
    decided_by,
    decided_on,
    reason,
    evidence_hash,
    source_name,
    file_name,
    row_number,
    extracted_on
from standing
where precedence = 1
