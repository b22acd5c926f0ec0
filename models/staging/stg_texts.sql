-- Every distinct text that names a partner, branch or person, with its normalised forms. The load computes them once
-- per text.
select
    text,
    name_key,
    spelling,
    legal_form,
    stem,
    person_key,
    surname_key,
    is_nobody
from {{ source('lake', 'texts') }}
