with dated as (
    {{ extract_rows('plan_goals') }}
)

select
    goal_id,
    plan_id,
    version,
    metric,
    goal_type,
    month,
    target,
    source_name,
    file_name,
    row_number,
    extracted_on,
    next_extracted_on,
    is_first_extract
from dated
