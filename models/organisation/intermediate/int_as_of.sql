-- "Today" is the latest day in the data, so that the same inputs give the same tables on any day. A returned worklist
-- does not count. Its date may be later than the sources' dates, and would close a month before their extracts arrive.
select
    coalesce(
        case when '{{ var("as_of") }}' != '' then least(cast(nullif('{{ var("as_of") }}', '') as date), {{ known_on() }}) end,
        max(extracted_on),
        {{ since_ever() }}
    ) as as_of
from {{ ref('stg_extracts') }}
where dataset not in ('attribution_overrides', 'worklist_results')
