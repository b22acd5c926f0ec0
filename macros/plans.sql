{# How the budget of next_budget was proposed, in words, from `summed`. language: en or ja. #}
{% macro proposal_reason(language) -%}
    {%- set percent = "cast(cast(round(100 * (summed.growth - 1)) as integer) as string)" -%}
    {%- set texts = {
        'en': {
            'growth': ["'Twelve months, and the '", percent, "' % by which comparable branches changed.'"],
            'capacity': ["'Comparable branches grew by '", percent, "' %. What it won in twelve months and its headroom are less.'"],
            'run_rate': ["'Twelve months: no year before them is known.'", "''"],
            'headroom': ["'No win in twelve months: the part of the headroom that is sure.'", "''"],
            'nothing': ["'No win in twelve months, and no headroom that is sure.'", "''"],
        },
        'ja': {
            'growth': ["'直近12か月に、比較できる拠点の増減率'", percent, "'%を掛けた。'"],
            'capacity': ["'比較できる拠点の増加率は'", percent, "'%。直近12か月と伸びしろの合計はそれより少ない。'"],
            'run_rate': ["'直近12か月。前年の実績がない。'", "''"],
            'headroom': ["'12か月受注なし。確実な伸びしろのみ。'", "''"],
            'nothing': ["'12か月受注なし。確実な伸びしろもない。'", "''"],
        },
    }[language] -%}
    case
        {%- for basis, parts in texts.items() %}
        when summed.basis = '{{ basis }}' then {{ dbt.concat(parts) }}
        {%- endfor %}
        else '{{ {'en': 'The sum of its branches.', 'ja': '配下の拠点の合計。'}[language] }}'
    end
{%- endmacro %}
