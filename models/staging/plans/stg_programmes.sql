with dated as (
    {{ extract_rows('programmes') }}
)

select
    programme_id,
    programme_name,
    kind,
    started_on,
    ended_on,
    planned_cost,
    planned_payback_month,
    horizon,
    expected_side_effects,
    expected_margin,
    decision_memo,
    source_name,
    file_name,
    row_number,
    extracted_on,
    next_extracted_on,
    is_first_extract
from dated
