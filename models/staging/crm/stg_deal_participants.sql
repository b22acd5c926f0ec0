with latest as (
    {{ latest_rows('deal_participants', ['deal_id', 'role', 'party_id']) }}
)

select
    deal_id,
    role,
    party_type,
    party_id,
    is_primary,
    added_at,
    source_name,
    file_name,
    row_number,
    extracted_on
from latest
