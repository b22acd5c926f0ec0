with dated as (
    {{ extract_rows('plan_actions') }}
)

select
    action_id,
    plan_id,
    goal_id,
    action_type,
    owner_side,
    due_on,
    done_on,
    status,
    activity_id,
    source_name,
    file_name,
    row_number,
    extracted_on,
    next_extracted_on,
    is_first_extract
from dated
