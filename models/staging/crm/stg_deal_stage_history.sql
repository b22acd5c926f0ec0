with latest as (
    {{ latest_rows('deal_stage_history', ['deal_id', 'stage', 'entered_at']) }}
)

select
    deal_id,
    stage,
    entered_at,
    source_name,
    file_name,
    row_number,
    extracted_on
from latest
