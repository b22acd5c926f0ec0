{# Reason of a branch's lever, in words with its figures, from `levers`. language: en or ja. #}
{% macro lever_reason(language) -%}
    {%- set producing = "cast(levers.producing_reps as string)" -%}
    {%- set headcount = "cast(levers.headcount as string)" -%}
    {%- set won = "cast(levers.win_rate_t12m_numerator as string)" -%}
    {%- set unassigned = "cast(levers.unassigned_wins as string)" -%}
    {%- set closed = "cast(levers.win_rate_t12m_denominator as string)" -%}
    {%- set usual = "cast(cast(round(100 * levers.reference_win_rate) as integer) as string)" -%}
    {%- set texts = {
        'en': {
            'widen_contacts': [
                producing, "' of '", headcount, "' salespeople are known to have won in twelve months: reach more of them.'",
            ],
            'name_reps': [
                producing, "' of '", headcount, "' salespeople are known to have won, and '", unassigned,
                "' wins have no known salesperson: first find out whose they are.'",
            ],
            'raise_win_rate': [
                producing, "' of '", headcount, "' salespeople sell, but '", won, "' wins of '", closed,
                "' closed deals are below the usual '", usual, "' %: help them win.'",
            ],
            'raise_deal_size': [
                producing, "' of '", headcount, "' salespeople sell and win '", won, "' of '", closed,
                "' closed deals, smaller ones than elsewhere: raise the deal size.'",
            ],
            'cross_sell': [
                producing, "' of '", headcount, "' salespeople sell and win '", won, "' of '", closed,
                "' closed deals, as large as elsewhere: sell more to the same customers.'",
            ],
        },
        'ja': {
            'widen_contacts': ["'営業'", headcount, "'名のうち12か月の受注が確認できたのは'", producing, "'名。接点を広げる。'"],
            'name_reps': [
                "'営業'", headcount, "'名のうち12か月の受注が確認できたのは'", producing, "'名、担当不明の受注が'", unassigned,
                "'件。まず担当を確認する。'",
            ],
            'raise_win_rate': [
                "'営業'", headcount, "'名中'", producing, "'名が受注。ただし決着'", closed, "'件中の受注'", won,
                "'件は全体の受注率'", usual, "'%を下回る。受注率を上げる。'",
            ],
            'raise_deal_size': [
                "'営業'", headcount, "'名中'", producing, "'名が受注し、決着'", closed, "'件中'", won,
                "'件を受注。ただし単価は全体の中央値を下回る。単価を上げる。'",
            ],
            'cross_sell': [
                "'営業'", headcount, "'名中'", producing, "'名が受注し、決着'", closed, "'件中'", won,
                "'件を受注、単価も全体並み以上。同じ顧客への販売を広げる。'",
            ],
        },
    }[language] -%}
    case levers.lever
        {%- for lever, parts in texts.items() %}
        when '{{ lever }}' then {{ dbt.concat(parts) }}
        {%- endfor %}
    end
{%- endmacro %}
