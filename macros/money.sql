{# Type of every published amount: exact, in the base currency. #}
{% macro money_type() -%} decimal(18, 2) {%- endmacro %}

{# Digits of the base currency's minor unit, and how many of these make one unit: a yen has no part, a cent is a hundredth. #}
{% macro minor_digits() -%} {{ 0 if var("base_currency") in ["JPY", "KRW", "VND", "CLP"] else 2 }} {%- endmacro %}

{% macro minor_unit() -%} cast({{ '0.01' if minor_digits() | int else '1' }} as {{ money_type() }}) {%- endmacro %}

{% macro minor_units() -%} {{ 10 ** (minor_digits() | int) }} {%- endmacro %}

{# Rounds half away from zero to the base currency's minor unit. #}
{% macro round_money(amount) -%}
    cast(round({{ amount }}, {{ minor_digits() }}) as {{ money_type() }})
{%- endmacro %}

{# A double as money. Six digits first: engines round half a cent of a double in different ways. #}
{% macro round_double(amount) -%}
    {{ round_money('cast(' ~ amount ~ ' as decimal(28, 6))') }}
{%- endmacro %}

{# An amount with the other sign. Not `-amount`, which on Sail has another type than Sail says. #}
{% macro negative(amount) -%}
    cast(0 - {{ amount }} as {{ money_type() }})
{%- endmacro %}

{# The median of amounts in the base currency. Of two middle values it is their mean, half a minor unit rounded up. The whole
   minor units keep it exact: engines round the mean of two decimals, or of two doubles, in different ways. #}
{% macro median_money(amount) -%}
    cast(
        cast(round({{ median('cast(' ~ amount ~ ' * ' ~ minor_units() ~ ' as bigint)') }}) as decimal(18, 0)) * {{ minor_unit() }}
        as {{ money_type() }}
    )
{%- endmacro %}

{# An amount of any currency in the base currency, rounded; null where `base_per_unit` is. Cast to a wider type first:
   the product of two decimals of 18 digits needs more than 18. #}
{% macro in_base_currency(amount, currency, base_per_unit) -%}
    case
        when {{ currency }} = '{{ var("base_currency") }}' then {{ round_money(amount) }}
        else {{ round_money("cast(" ~ amount ~ " as decimal(28, 4)) * cast(" ~ base_per_unit ~ " as decimal(18, 8))") }}
    end
{%- endmacro %}

{# The same amount before rounding, with the four digits that sources may deliver. #}
{% macro exact_in_base_currency(amount, currency, base_per_unit) -%}
    case
        when {{ currency }} = '{{ var("base_currency") }}' then cast({{ amount }} as decimal(28, 4))
        else cast(round(cast({{ base_per_unit }} as decimal(18, 8)) * cast({{ amount }} as decimal(28, 4)), 4) as decimal(28, 4))
    end
{%- endmacro %}

{# A rate; null where its denominator is too small for a meaningful rate. #}
{% macro rate(numerator, denominator, n_min=1) -%}
    case when {{ denominator }} >= {{ n_min }} then cast({{ numerator }} as double) / {{ denominator }} end
{%- endmacro %}

{# For each currency and day of the relation `needed` (columns currency, rate_needed_on): the latest rate on that day or
   up to fx_max_age_days before it. A pair without a rate has no row. #}
{% macro latest_rates(needed) -%}
    select currency, rate_needed_on, base_per_unit
    from (
        select
            needed.currency,
            needed.rate_needed_on,
            rates.base_per_unit,
            row_number() over (
                partition by needed.currency, needed.rate_needed_on order by rates.rate_on desc nulls last, rates.currency
            ) as recency
        from (select distinct currency, rate_needed_on from {{ needed }}) as needed
        inner join {{ ref('stg_fx_rates') }} as rates
            on
                needed.currency = upper(rates.currency)
                and rates.rate_on <= needed.rate_needed_on
                and rates.rate_on >= {{ add_days('needed.rate_needed_on', -var('fx_max_age_days')) }}
    ) as ranked
    where recency = 1
{%- endmacro %}
