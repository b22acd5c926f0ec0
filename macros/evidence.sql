{# Hash of the facts behind a deal: the same facts give the same hash in whatever order they came. #}
{% macro evidence_hash() -%}
    {{ return(adapter.dispatch('evidence_hash')()) }}
{%- endmacro %}

{% macro evidence_fact() -%}
    case when evidence_code != 'E01' then concat_ws(
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
        md5(concat(sum(md5_number_lower({{ evidence_fact() }})), ':', count({{ evidence_fact() }})))
    end
{%- endmacro %}

{# One JSON object per candidate, strongest first. #}
{% macro candidates_json() -%}
    {{ return(adapter.dispatch('candidates_json')()) }}
{%- endmacro %}

{% macro default__candidates_json() -%}
    cast(json_agg(json_build_object(
        'branch_id', branch_id, 'partner_id', partner_id, 'rung', rung, 'evidence', evidence_code, 'value', raw_value,
        'status', status, 'reason', reason
    ) order by rung_order, evidence_code, branch_id, raw_value) as varchar)
{%- endmacro %}

{% macro duckdb__candidates_json() -%}
    cast(to_json(list({
        'branch_id': branch_id, 'partner_id': partner_id, 'rung': rung, 'evidence': evidence_code, 'value': raw_value,
        'status': status, 'reason': reason
    } order by rung_order, evidence_code, branch_id, raw_value)) as varchar)
{%- endmacro %}
