{{ config(materialized='table') }}

-- The extracts come from the load ledger, not from the rows: an extract without a single row still ends what came
-- before it.
with loaded as (
    select
        dataset,
        source_name,
        extracted_on,
        max(extract_revision) as extract_revision
    from {{ source('lake', 'loads') }}
    where
        status = 'loaded'
        and extracted_on <= {{ known_on() }}
    group by dataset, source_name, extracted_on
)

select
    dataset,
    source_name,
    extracted_on,
    extract_revision,
    -- Later extracts win. Of two sources with the same date the name decides, so that the order is total.
    row_number() over (partition by dataset order by extracted_on, source_name) as extract_number,
    lead(extracted_on) over (partition by dataset, source_name order by extracted_on) as next_extracted_on,
    row_number() over (partition by dataset, source_name order by extracted_on) = 1 as is_first
from loaded
