-- "Today" is what the data knows, so that the same inputs give the same tables on any day. A worklist that a person sends back
-- tells nothing of a later day than the sources do: it must not close a month before their extracts have come.
select
    coalesce(
        case when '{{ var("as_of") }}' != '' then least(cast(nullif('{{ var("as_of") }}', '') as date), {{ known_on() }}) end,
        max(extracted_on),
        {{ since_ever() }}
    ) as as_of
from {{ ref('stg_extracts') }}
where dataset != 'attribution_overrides'
