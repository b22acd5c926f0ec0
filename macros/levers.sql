{# A share in whole percent, as text. #}
{% macro percent_text(share) -%} cast(cast(round(100 * {{ share }}) as integer) as string) {%- endmacro %}

{# Reason of a branch's lever, in words with its figures, from int_levers as `levers`. language: en or ja. #}
{% macro lever_reason(language) -%}
    {%- set part = "cast(levers.numerator as string)" -%}
    {%- set whole = "cast(levers.denominator as string)" -%}
    {%- set usual = percent_text('levers.benchmark') -%}
    {%- set days = "'" ~ var('contact_window_days') ~ "'" -%}
    {%- set peers = "cast(levers.peers as string)" -%}
    {%- set expected = "cast(cast(round(levers.benchmark) as integer) as string)" -%}
    {%- set others = ["' The best quarter of '", peers, "' comparable branches reach '", usual, "' %.'"] -%}
    {%- set others_ja = ["'比較できる'", peers, "'拠点の上位4分の1は'", usual, "'%以上。'"] -%}
    {%- set texts = {
        'en': {
            'get_names': ["'The names of '", part, "' of '", whole, "' salespeople are known: get more of them.'"] + others,
            'reach_people': [
                part, "' of '", whole, "' known salespeople answered within '", days, "' days: get in touch with more of them.'",
            ] + others,
            'train_people': [
                part, "' of '", whole, "' reachable salespeople came to a study session in twelve months: invite more of them.'",
            ] + others,
            'first_deals': [
                part, "' of '", whole, "' known salespeople won in twelve months: help more of them to their first deal.'",
            ] + others,
            'raise_win_rate': [part, "' of '", whole, "' closed deals were won: help them win.'"] + others,
            'raise_deal_size': [
                part, "' of '", whole, "' wins are larger than the usual deal: go for larger deals.'",
            ] + others,
            'keep_producer': [
                "'A salesperson who won '", part, "' deals in a year has won none for six months, where about '", expected,
                "' would be usual: talk to this person.'",
            ],
        },
        'ja': {
            'get_names': ["'営業'", whole, "'名のうち氏名が分かるのは'", part, "'名。残りの氏名を聞く。'"] + others_ja,
            'reach_people': [
                "'氏名の分かる営業'", whole, "'名のうち'", days, "'日以内に連絡が取れたのは'", part, "'名。残りに連絡する。'",
            ] + others_ja,
            'train_people': [
                "'連絡が取れる営業'", whole, "'名のうち12か月に勉強会へ来たのは'", part, "'名。残りを招く。'",
            ] + others_ja,
            'first_deals': [
                "'氏名の分かる営業'", whole, "'名のうち12か月に受注したのは'", part, "'名。残りの初受注を支援する。'",
            ] + others_ja,
            'raise_win_rate': ["'決着'", whole, "'件のうち受注は'", part, "'件。受注率を上げる。'"] + others_ja,
            'raise_deal_size': ["'受注'", whole, "'件のうち標準より大きいのは'", part, "'件。単価を上げる。'"] + others_ja,
            'keep_producer': [
                "'1年に'", part, "'件を受注した営業が6か月受注なし(通常なら約'", expected, "'件)。本人と話す。'",
            ],
        },
    }[language] -%}
    {%- set names = {
        'en': [part, "' of '", whole, "' wins name no salesperson: first find out whose they are.'"],
        'ja': ["'受注'", whole, "'件のうち'", part, "'件は担当不明。まず担当を確認する。'"],
    }[language] -%}
    {%- set silent = {
        'en': "'No step is behind comparable branches by more than chance explains.'",
        'ja': "'比較できる拠点に対し、偶然の範囲を超えて遅れている段階はない。'",
    }[language] -%}
    case
        {%- for lever, parts in texts.items() %}
        when levers.lever = '{{ lever }}' then {{ dbt.concat(parts) }}
        {%- endfor %}
        when levers.lever = 'name_reps' then {{ dbt.concat(names) }}
        when levers.evidence = 'none' then {{ silent }}
    end
{%- endmacro %}
