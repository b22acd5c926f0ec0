with latest as (
    {{ latest_rows('executive_relations', ['partner_id', 'rated_on']) }}
)

select
    partner_id,
    rated_on,
    level,
    rated_by,
    reason,
    source_name,
    file_name,
    row_number,
    extracted_on
from latest
