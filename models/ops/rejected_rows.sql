select
    dataset,
    source_name,
    file_name,
    row_number,
    extracted_on,
    column_name,
    value,
    reason,
    remedy,
    raw_row,
    file_sha256,
    loaded_at
from {{ source('lake', 'rejected') }}
