with latest as (
    {{ latest_rows('fx_rates', ['rate_on', 'currency']) }}
)

select
    rate_on,
    currency,
    base_per_unit,
    source_name,
    file_name,
    row_number,
    extracted_on
from latest
