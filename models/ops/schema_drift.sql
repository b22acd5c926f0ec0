with latest_loads as (
    select
        source_name,
        file_name,
        extracted_on,
        max(loaded_at) as loaded_at
    from {{ source('lake', 'loads') }}
    where status <> 'repeat'
    group by source_name, file_name, extracted_on
)

-- A file that was delivered again is shown with its latest load.
select
    drift.dataset,
    drift.source_name,
    drift.file_name,
    drift.extracted_on,
    drift.column_name,
    nullif(drift.contract_column, '') as contract_column,
    drift.change,
    drift.suggestion,
    drift.similarity,
    drift.loaded_at
from {{ source('lake', 'drift') }} as drift
inner join latest_loads
    on
        drift.source_name = latest_loads.source_name
        and drift.file_name = latest_loads.file_name
        and drift.extracted_on = latest_loads.extracted_on
        and drift.loaded_at = latest_loads.loaded_at
