-- Registered names that resemble a text which names none exactly. Suggestions, never decisions.
select
    text,
    partner_id,
    branch_id,
    similar_to,
    score
from {{ source('lake', 'similar_names') }}
