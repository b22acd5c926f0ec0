{# Value of a feature of potential_features in a profile. A new feature needs a line here and in the test of the seed. #}
{% macro feature_value(feature, profile) -%}
    case {{ feature }}
        when 'sales_headcount' then cast({{ profile }}.sales_headcount as double)
        when 'target_customer_overlap' then cast({{ profile }}.target_customer_overlap as double)
        when 'customer_count' then cast({{ profile }}.customer_count as double)
        when 'products_carried' then cast({{ profile }}.products_carried as double)
        when 'sells_competitor'
            then cast(case when {{ profile }}.sells_competitor then 1 when not {{ profile }}.sells_competitor then 0 end as double)
    end
{%- endmacro %}

{# Part of the full points that a value gives, from 0 to 1. log: the first salespeople count for more than the twentieth. #}
{% macro scaled_feature(transform, value, full_at) -%}
    greatest(0.0, least(1.0, case {{ transform }}
        when 'log' then ln(1 + greatest({{ value }}, 0)) / ln(1 + {{ full_at }})
        else {{ value }} / {{ full_at }}
    end))
{%- endmacro %}

{# Segment of a branch by its place on the map. #}
{% macro segment_at(score, score_cut, result, result_cut) -%}
    case
        when {{ score }} is null or {{ score_cut }} is null then 'unknown'
        when {{ score }} >= {{ score_cut }} and {{ result }} < {{ result_cut }} then 'high_potential_no_result'
        when {{ score }} >= {{ score_cut }} then 'high_potential_with_result'
        when {{ result }} < {{ result_cut }} then 'low_potential_no_result'
        else 'low_potential_with_result'
    end
{%- endmacro %}

{# Support that a branch had: high touch needs enough live contacts, and an account manager if the company names any. #}
{% macro observed_mode(live_touches, mass_touches, quarters, has_manager) -%}
    case
        when
            {{ live_touches }} >= {{ var('high_touch_per_quarter') }} * {{ quarters }}
            and coalesce({{ has_manager }}, true)
            then 'high_touch'
        when {{ live_touches }} + {{ mass_touches }} > 0 then 'tech_touch'
        else 'none'
    end
{%- endmacro %}

{# Bounds of Wilson's interval of a share, for a normal quantile z; null without cases. #}
{% macro wilson_bound(successes, cases, sign, z=1.96) -%}
    {%- set n = 'cast(' ~ cases ~ ' as double)' -%}
    {%- set p = '(cast(' ~ successes ~ ' as double) / ' ~ cases ~ ')' -%}
    case
        when {{ cases }} <= 0 then null
        {#- Exact, where rounding alone would lead a little past 0 or 1. #}
        when ({{ successes }}) {{ '<= 0' if sign == '-' else '>= ' ~ cases }} then cast({{ 0 if sign == '-' else 1 }} as double)
        when {{ cases }} > 0 then
            ({{ p }} + {{ z * z / 2 }} / {{ n }}
                {{ sign }} {{ z }} * sqrt({{ p }} * (1 - {{ p }}) / {{ n }} + {{ z * z / 4 }} / ({{ n }} * {{ n }})))
            / (1 + {{ z * z }} / {{ n }})
    end
{%- endmacro %}

{# The grade of evidence for a difference in standard errors; `none` if it is null. #}
{% macro evidence_grade(distance) -%}
    case
        when {{ distance }} >= {{ var('evidence_strong') }} then 'strong'
        when {{ distance }} >= {{ var('evidence_some') }} then 'some'
        else 'none'
    end
{%- endmacro %}

{# Back from Fisher's z to a correlation. #}
{% macro hyperbolic_tangent(z) -%}
    (exp(2 * ({{ z }})) - 1) / (exp(2 * ({{ z }})) + 1)
{%- endmacro %}

{# Bounds of the expected count behind an observed one (Poisson, Wilson and Hilferty's cube root). #}
{% macro count_low(count, z) -%}
    case
        when {{ count }} > 0
            then {{ count }} * power(greatest(1 - 1.0 / (9 * {{ count }}) - {{ z }} / (3 * sqrt({{ count }})), 0.0), 3)
        else cast(0 as double)
    end
{%- endmacro %}

{% macro count_high(count, z) -%}
    ({{ count }} + 1) * power(1 - 1.0 / (9 * ({{ count }} + 1)) + {{ z }} / (3 * sqrt({{ count }} + 1)), 3)
{%- endmacro %}
