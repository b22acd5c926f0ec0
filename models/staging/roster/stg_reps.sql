with dated as (
    {{ extract_rows('reps') }}
)

select
    rep_id,
    rep_name,
    rep_email,
    job_title,
    left_on,
    source_name,
    file_name,
    row_number,
    extracted_on,
    next_extracted_on,
    is_first_extract
from dated
