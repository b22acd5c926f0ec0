{#
    History of an entity from dated full extracts whose rows have validity columns.

    An extract covers an entity from the earliest day in its rows, at the latest from its own date. So a history that is
    delivered late replaces earlier extracts for the same days, and a list of current assignments does not cover the past.
    For each day the latest extract that covers it counts. An entity that an extract omits ended at that extract's date. An
    empty valid_from means the extract's date; in the source's first extract, it means from the beginning. The var
    roster_complete_from extends this to entities that appear first in a later extract up to that day.

    dataset: a full dataset with valid_from and valid_to. entity: columns that identify the entity. attributes: the other
    columns. Gives entity, attributes, valid_from, valid_to; touching pieces with equal attributes are one row.
#}
{% macro dated_history(dataset, entity, attributes) -%}
    {%- set entity_list = entity | join(', ') -%}
    {%- set all_columns = (entity + attributes) | join(', ') -%}
    {%- set staging = ref('stg_' ~ dataset) -%}
    with reported as (
        select
            {{ all_columns }},
            source_name,
            extracted_on,
            coalesce(valid_from, {{ held_from(entity) }}) as reported_from,
            coalesce(valid_to, {{ for_ever() }}) as reported_to
        from {{ staging }}
    ),

    entities as (
        select distinct source_name, {{ entity_list }} from reported
    ),

    covered as (
        select source_name, extracted_on, {{ entity_list }}, min(reported_from) as reported_from
        from reported
        group by source_name, extracted_on, {{ entity_list }}
    ),

    -- Every extract covers every entity of its source: an entity that it omits has ended.
    coverage as (
        select
            entities.*,
            extracts.extracted_on,
            coalesce(
                case when covered.reported_from < extracts.extracted_on then covered.reported_from end, extracts.extracted_on
            ) as covers_from
        from entities
        inner join {{ ref('stg_extracts') }} as extracts
            on extracts.dataset = '{{ dataset }}' and entities.source_name = extracts.source_name
        left join covered
            on
                entities.source_name = covered.source_name
                and extracts.extracted_on = covered.extracted_on
                {%- for column in entity %}
                and entities.{{ column }} is not distinct from covered.{{ column }}
                {%- endfor %}
    ),

    windows as (
        select
            *,
            coalesce(
                min(covers_from) over (
                    partition by source_name, {{ entity_list }}
                    order by extracted_on
                    rows between 1 following and unbounded following
                ),
                {{ for_ever() }}
            ) as covers_until
        from coverage
    ),

    pieces as (
        select
            {%- for column in entity + attributes %}
            reported.{{ column }},
            {%- endfor %}
            greatest(reported.reported_from, windows.covers_from) as valid_from,
            least(reported.reported_to, windows.covers_until) as valid_to
        from reported
        inner join windows
            on
                reported.source_name = windows.source_name
                and reported.extracted_on = windows.extracted_on
                {%- for column in entity %}
                and reported.{{ column }} is not distinct from windows.{{ column }}
                {%- endfor %}
        where greatest(reported.reported_from, windows.covers_from) < least(reported.reported_to, windows.covers_until)
    ),

    {{ joined_pieces(all_columns) }}
{%- endmacro %}

{# The days on which full extracts without validity columns held each combination of these columns: from the extract's date
   until the next extract of its source. What the source's first extract held was there from the beginning. #}
{% macro held_history(dataset, entity, attributes) -%}
    {%- set all_columns = (entity + attributes) | join(', ') -%}
    with pieces as (
        select
            {{ all_columns }},
            {{ held_from(entity) }} as valid_from,
            coalesce(next_extracted_on, {{ for_ever() }}) as valid_to
        from {{ ref('stg_' ~ dataset) }}
    ),

    {{ joined_pieces(all_columns) }}
{%- endmacro %}

{# The day from which a row of an extract counts: the date of the extract, because an earlier full extract without the
   row shows that it did not exist then. Rows of a source's first extract count from the beginning. So do rows that
   appear first in an extract up to roster_complete_from. #}
{% macro held_from(entity) -%}
    case
        when coalesce(is_first_extract, true) then {{ since_ever() }}
        {%- if var('roster_complete_from') %}
        when
            extracted_on <= cast('{{ var("roster_complete_from") }}' as date)
            and extracted_on = min(extracted_on) over (partition by {{ entity | join(', ') }})
            then {{ since_ever() }}
        {%- endif %}
        else extracted_on
    end
{%- endmacro %}

{# The last steps of a history: of the rows `pieces`, those with equal values that touch or overlap are one row. #}
{% macro joined_pieces(all_columns) -%}
    reaches as (
        select
            *,
            max(valid_to) over (
                partition by {{ all_columns }}
                order by valid_from, valid_to
                rows between unbounded preceding and 1 preceding
            ) as reached
        from pieces
    ),

    islands as (
        select
            *,
            sum(case when valid_from <= reached then 0 else 1 end) over (
                partition by {{ all_columns }}
                order by valid_from, valid_to
                rows between unbounded preceding and current row
            ) as island
        from reaches
    )

    select {{ all_columns }}, min(valid_from) as valid_from, max(valid_to) as valid_to
    from islands
    group by {{ all_columns }}, island
{%- endmacro %}

{# Latest row per key of a full dataset, whether or not the latest extract still has it. `unlisted_on` is the date of the first
   extract that left the key out, null while the latest has it. #}
{% macro last_known(dataset, key) -%}
    select *, next_extracted_on as unlisted_on
    from (
        select
            *,
            row_number() over (
                partition by {{ key | join(', ') }} order by extracted_on desc, source_name, file_name, row_number
            ) as latest_rank
        from {{ ref('stg_' ~ dataset) }}
    ) as ranked
    where latest_rank = 1
{%- endmacro %}

{# Whether a row of a full dataset was in the latest extract of its source on a day. Before its source's first extract, that extract
   counts. Where a source delivered two rows of one key, the caller keeps the last one. #}
{% macro is_known_at(rows, day) -%}
    ({{ rows }}.extracted_on <= {{ day }} or {{ rows }}.is_first_extract)
    and ({{ rows }}.next_extracted_on is null or {{ rows }}.next_extracted_on > {{ day }})
{%- endmacro %}

{# The row of each key in the first extract that has it: what was expected at the beginning. #}
{% macro first_known(dataset, key) -%}
    select *
    from (
        select
            *,
            row_number() over (
                partition by {{ key | join(', ') }} order by extracted_on, source_name, file_name, row_number
            ) as first_rank
        from {{ ref('stg_' ~ dataset) }}
    ) as ranked
    where first_rank = 1
{%- endmacro %}
