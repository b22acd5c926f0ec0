-- Every distinct text that names a partner, branch or person, with its normalised forms. Made once per text where rows come in.
select
    text,
    name_key,
    legal_form,
    stem,
    person_key,
    surname_key,
    is_nobody
from {{ source('lake', 'texts') }}
