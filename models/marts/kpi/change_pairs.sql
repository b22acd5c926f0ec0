select
    pair, from_on, to_on, from_known_on, to_known_on, from_window_start, to_window_start, due_by, missing_reason
from {{ ref('int_change_pairs') }}
