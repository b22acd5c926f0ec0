{# Codes of attribution_ladder that rules need by name. Only the seed assigns evidence to rungs. assert_ladder_is_valid
   compares these codes with it. #}
{% macro evidence_codes() -%}
    {{ return({
        'person': 'E01',
        'registered_branch': 'E02',
        'registered_rep': 'E03',
        'branch_id': 'E04',
        'participant': 'E05',
        'rep_id': 'E06',
        'email': 'E07',
        'shared_address': 'E08',
        'rep_text': 'E09',
        'branch_text': 'E10',
        'partner': 'E11',
        'activity': 'E12',
        'earlier_win': 'E13',
        'territory': 'E14',
        'account_manager': 'E15',
        'parent_deal': 'E16',
        'similar_name': 'E17',
    }) }}
{%- endmacro %}

{% macro evidence(name) -%}
    {%- if name not in evidence_codes() -%}
    {{ exceptions.raise_compiler_error("evidence() knows no '" ~ name ~ "', only: " ~ evidence_codes() | join(', ')) }}
    {%- endif -%}
    '{{ evidence_codes()[name] }}'
{%- endmacro %}

{# An e-mail address as it is compared: 名前 <a@example.jp>, mailto:, capitals and full-width characters are spellings of one. #}
{% macro email_address(text) -%}
    {%- set wide = '＠．＿－＋＜＞０１２３４５６７８９ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ' -%}
    {%- set plain = '@._-+<>0123456789abcdefghijklmnopqrstuvwxyz' -%}
    {%- set lowered = "replace(translate(lower(" ~ text ~ "), '" ~ wide ~ "', '" ~ plain ~ "'), 'mailto:', '')" -%}
    trim(coalesce(nullif({{ dbt.split_part(dbt.split_part(lowered, "'<'", 2), "'>'", 1) }}, ''), {{ lowered }}))
{%- endmacro %}

{# The rung of a person's decision. #}
{% macro rung_of_a_person() -%} 'L0' {%- endmacro %}

{# The rung of a special member, for deals that no evidence decides. #}
{% macro rung_of_member(branch_id) -%}
    case {{ branch_id }} when 'DIRECT' then 'L13' when 'UNRESOLVED' then 'L12' else 'L11' end
{%- endmacro %}

{# The special member of a known partner whose branch is unknown. #}
{% macro unknown_branch_of(partner_id) -%}
    {{ dbt.concat(["'UNKNOWN:'", partner_id]) }}
{%- endmacro %}

{# A participant who does not sell is no evidence of the seller. #}
{% macro is_helper(role) -%} coalesce({{ role }}, '') in ('co_sell', 'implementer') {%- endmacro %}

{# A participant who sells or refers, of any type of company. #}
{% macro is_selling_role(role) -%} coalesce({{ role }}, '') in ('seller', 'reseller', 'referrer') {%- endmacro %}

{# Who is credited on a two-tier deal, by the var two_tier_credit. Signals of the other side are influence. #}
{% macro is_reseller_credited() -%} '{{ var("two_tier_credit") }}' = 'reseller' {%- endmacro %}

{% macro is_uncredited_side(two_tier_deal_id, distributor_deal_id) -%}
    case when {{ is_reseller_credited() }} then {{ distributor_deal_id }} is not null
        else {{ two_tier_deal_id }} is not null and {{ distributor_deal_id }} is null end
{%- endmacro %}

{# Hash of the facts of a deal: the same facts give the same hash in any order. Decisions and suggestions are not part
   of it; suggestions change with other deals. #}
{% macro evidence_hash() -%}
    {{ return(adapter.dispatch('evidence_hash')()) }}
{%- endmacro %}

{% macro evidence_fact() -%}
    case when evidence_code != {{ evidence('person') }} and status != 'candidate' then concat_ws(
        '|', evidence_code, coalesce(raw_value, ''), coalesce(branch_id, ''), coalesce(rep_id, ''),
        coalesce(partner_id, ''), coalesce(reason, '')
    ) end
{%- endmacro %}

{% macro default__evidence_hash() -%}
    md5(string_agg({{ evidence_fact() }}, ';' order by {{ evidence_fact() }}))
{%- endmacro %}

{# A sum does not depend on the order either, and needs no sorting. #}
{% macro duckdb__evidence_hash() -%}
    case when count({{ evidence_fact() }}) > 0 then
        md5(concat(sum(cast(md5_number({{ evidence_fact() }}) >> 64 as hugeint)), ':', count({{ evidence_fact() }})))
    end
{%- endmacro %}

{# The same hash as DuckDB's, so that decisions that people took on it still hold: the second half of the MD5, read from its
   last byte to its first, in two numbers that fit into 64 bits. #}
{% macro spark__evidence_hash() -%}
    {%- set halves = [] -%}
    {%- for last in (31, 23) -%}
    {%- set bytes = [] -%}
    {%- for place in range(last, last - 8, -2) -%}
    {%- do bytes.append('substr(md5(' ~ evidence_fact() ~ '), ' ~ place ~ ', 2)') -%}
    {%- endfor -%}
    {%- do halves.append('sum(cast(conv(concat(' ~ bytes | join(', ') ~ '), 16, 10) as decimal(10, 0)))') -%}
    {%- endfor -%}
    case when count({{ evidence_fact() }}) > 0 then md5(concat(
        cast(cast({{ halves[0] }} * cast(4294967296 as decimal(10, 0)) + {{ halves[1] }} as decimal(38, 0)) as string), ':',
        cast(count({{ evidence_fact() }}) as string)
    )) end
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

{# Without to_json on the whole list: Sail leaves out fields that are null. #}
{% macro spark__candidates_json() -%}
    {%- set fields = [] -%}
    {%- for column in ['branch_id', 'branch_name', 'partner_id', 'partner_name', 'why'] -%}
    {%- set object = "to_json(named_struct('v', " ~ column ~ "))" -%}
    {%- do fields.append(
        "',\"" ~ column ~ "\":', case when " ~ column ~ " is null then 'null' else substr("
        ~ object ~ ", 6, length(" ~ object ~ ") - 6) end"
    ) -%}
    {%- endfor -%}
    concat('[', listagg(
        concat('{"rank":', cast(candidate_rank as string), {{ fields | join(', ') }}, '}'), ','
    ) within group (order by candidate_rank), ']')
{%- endmacro %}
