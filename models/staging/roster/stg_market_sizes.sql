with latest as (
    {{ latest_rows('market_sizes', ['prefecture', 'as_of']) }}
)

select
    prefecture,
    as_of,
    establishments,
    source,
    source_name,
    file_name,
    row_number,
    extracted_on
from latest
