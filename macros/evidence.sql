{# Hash of the facts behind a deal: the same facts give the same hash in whatever order they came. A decision is no fact, and
   neither are hints, which come and go with other deals. #}
{% macro evidence_hash() -%}
    {{ return(adapter.dispatch('evidence_hash')()) }}
{%- endmacro %}

{% macro evidence_fact() -%}
    case when evidence_code != 'E01' and status != 'candidate' then concat_ws(
        '|', evidence_code, coalesce(raw_value, ''), coalesce(branch_id, ''), coalesce(rep_id, ''),
        coalesce(partner_id, ''), coalesce(reason, '')
    ) end
{%- endmacro %}

{% macro default__evidence_hash() -%}
    md5(string_agg({{ evidence_fact() }}, ';' order by {{ evidence_fact() }}))
{%- endmacro %}

{# A sum does not care for the order either, and spares sorting every deal's facts. #}
{% macro duckdb__evidence_hash() -%}
    case when count({{ evidence_fact() }}) > 0 then
        md5(concat(sum(cast(md5_number({{ evidence_fact() }}) >> 64 as hugeint)), ':', count({{ evidence_fact() }})))
    end
{%- endmacro %}

{# A list of JSON objects, one per row of the group, strongest candidate first. #}
{% macro candidates_json() -%}
    {{ return(adapter.dispatch('candidates_json')()) }}
{%- endmacro %}

{% macro default__candidates_json() -%}
    cast(json_agg(json_build_object(
        'rank', candidate_rank, 'branch_id', branch_id, 'branch_name', branch_name, 'partner_id', partner_id,
        'partner_name', partner_name, 'why', why
    ) order by candidate_rank) as string)
{%- endmacro %}

{% macro duckdb__candidates_json() -%}
    cast(to_json(list({
        'rank': candidate_rank, 'branch_id': branch_id, 'branch_name': branch_name, 'partner_id': partner_id,
        'partner_name': partner_name, 'why': why
    } order by candidate_rank)) as string)
{%- endmacro %}
