{{ config(schema='intermediate') }}

-- "Today" is what the data knows, so that the same inputs give the same tables on any day.
select
    coalesce(
        {% if var('as_of') %}cast('{{ var("as_of") }}' as date),{% endif %}
        max(extracted_on),
        {{ since_ever() }}
    ) as as_of
from {{ ref('stg_extracts') }}
