{#
    History of an entity from dated full extracts whose rows carry validity columns.

    An extract speaks of an entity from the earliest day that it tells of, at the latest from its own date: a history told
    late restates what earlier extracts said of those days, a list of current posts says nothing of the past. For each day the
    latest extract that speaks of it wins. An entity that an extract leaves out has ended at that extract's date. An empty
    valid_from means the extract's date, and since ever in the source's first extract.

    dataset: a full dataset with valid_from and valid_to. entity: columns that name whose history it is. attributes: the other
    columns. Gives entity, attributes, valid_from, valid_to; touching pieces with equal attributes are one row.
#}
{% macro dated_history(dataset, entity, attributes) -%}
    {%- set entity_list = entity | join(', ') -%}
    {%- set all_columns = (entity + attributes) | join(', ') -%}
    {%- set staging = ref('stg_' ~ dataset) -%}
    with told as (
        select
            {{ all_columns }},
            source_name,
            extracted_on,
            coalesce(
                valid_from, case when is_first_extract then {{ since_ever() }} else extracted_on end
            ) as told_from,
            coalesce(valid_to, {{ for_ever() }}) as told_to
        from {{ staging }}
    ),

    entities as (
        select distinct source_name, {{ entity_list }} from told
    ),

    spoken_of as (
        select source_name, extracted_on, {{ entity_list }}, min(told_from) as told_from
        from told
        group by source_name, extracted_on, {{ entity_list }}
    ),

    -- Every extract speaks of every entity of its source, if only by leaving it out.
    coverage as (
        select
            entities.*,
            extracts.extracted_on,
            coalesce(
                case when spoken_of.told_from < extracts.extracted_on then spoken_of.told_from end, extracts.extracted_on
            ) as speaks_from
        from entities
        inner join {{ ref('stg_extracts') }} as extracts
            on extracts.dataset = '{{ dataset }}' and entities.source_name = extracts.source_name
        left join spoken_of
            on
                entities.source_name = spoken_of.source_name
                and extracts.extracted_on = spoken_of.extracted_on
                {%- for column in entity %}
                and entities.{{ column }} is not distinct from spoken_of.{{ column }}
                {%- endfor %}
    ),

    windows as (
        select
            *,
            coalesce(
                min(speaks_from) over (
                    partition by source_name, {{ entity_list }}
                    order by extracted_on
                    rows between 1 following and unbounded following
                ),
                {{ for_ever() }}
            ) as speaks_until
        from coverage
    ),

    pieces as (
        select
            {%- for column in entity + attributes %}
            told.{{ column }},
            {%- endfor %}
            greatest(told.told_from, windows.speaks_from) as valid_from,
            least(told.told_to, windows.speaks_until) as valid_to
        from told
        inner join windows
            on
                told.source_name = windows.source_name
                and told.extracted_on = windows.extracted_on
                {%- for column in entity %}
                and told.{{ column }} is not distinct from windows.{{ column }}
                {%- endfor %}
        where greatest(told.told_from, windows.speaks_from) < least(told.told_to, windows.speaks_until)
    ),

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

{# Latest row per key of a full dataset, whether or not the latest extract still has it. `ended_on` is the date of the first
   extract that left the key out, null while the latest has it. #}
{% macro last_known(dataset, key) -%}
    select *, next_extracted_on as ended_on
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
