-- Registered names that are similar to a text without an exact match. They are suggestions and never decide.
select
    text,
    partner_id,
    branch_id,
    similar_to,
    score
from {{ source('lake', 'similar_names') }}
