-- Files and rows of each dataset. A file that was delivered again counts with its latest load. A renamed file counts under
-- its new name only.
with latest as (
    select
        dataset, file_name, rows_read, rows_accepted, rows_rejected, rows_undecided, extracted_on, status,
        row_number() over (
            partition by dataset, source_name, extracted_on, file_name order by loaded_at desc nulls last, load_id nulls last
        ) as load_rank
    from {{ ref('loads') }}
    -- The files of a mapping have no dataset of their own. The datasets made from them have rows, too.
    where status in ('loaded', 'replaced') and dataset is not null
)

select
    dataset,
    count(distinct file_name) as files,
    cast(sum(rows_read) as bigint) as rows_read,
    cast(sum(rows_accepted) as bigint) as rows_accepted,
    cast(sum(rows_rejected) as bigint) as rows_rejected,
    cast(coalesce(sum(rows_undecided), 0) as bigint) as rows_undecided,
    max(extracted_on) as latest_extract_on
from latest
where load_rank = 1 and status = 'loaded'
group by dataset
