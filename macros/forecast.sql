{# Expressions of the forecast. Sums of doubles depend on the order of their rows; sums of these decimals do not. Money
   is cast with fewer digits first: more than 16 digits of a double depend on the engine. #}
{% macro exact(value) -%} cast({{ value }} as decimal(28, 10)) {%- endmacro %}
{% macro exact_money(value) -%} cast(cast({{ value }} as decimal(28, 2)) as decimal(28, 10)) {%- endmacro %}

{# Actual ÷ expected, drawn towards 1 as if `weight` further ones had come as expected: the mean of a gamma-Poisson. #}
{% macro shrunk_ratio(actual, expected, weight) -%}
    (cast({{ actual }} as double) + {{ weight }}) / (cast({{ expected }} as double) + {{ weight }})
{%- endmacro %}

{# Quantile of the gamma distribution with this mean and variance, by Wilson and Hilferty's cube root. `z` is the
   quantile of the standard normal distribution. #}
{% macro gamma_quantile(mean, variance, z) -%}
    case
        when {{ mean }} > 0
            then {{ mean }} * power(
                greatest(
                    cast(0 as double),
                    1 - {{ variance }} / (9 * {{ mean }} * {{ mean }})
                    + cast({{ z }} as double) * sqrt({{ variance }}) / (3 * {{ mean }})
                ),
                3
            )
        else cast(0 as double)
    end
{%- endmacro %}
