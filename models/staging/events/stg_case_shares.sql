with latest as (
    {{ latest_rows('case_shares', ['case_id', 'to_branch_id']) }}
)

select
    case_id,
    to_branch_id,
    shared_on,
    adopted_on,
    source_name,
    file_name,
    row_number,
    extracted_on
from latest
