with dated as (
    {{ extract_rows('programme_branches') }}
)

select
    programme_id,
    branch_id,
    joined_on,
    agreed_on,
    share,
    role,
    source_name,
    file_name,
    row_number,
    extracted_on,
    next_extracted_on,
    is_first_extract
from dated
