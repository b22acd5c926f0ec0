{# The situation of a salesperson before a call, by the new deals so far and in the twelve months before. #}
{% macro call_situation(deals_ever, deals_before) -%}
    case
        when coalesce({{ deals_ever }}, 0) = 0 then 'no_deal'
        when coalesce({{ deals_before }}, 0) = 0 then 'no_deal_t12m'
        when {{ deals_before }} < 3 then 'deals_1_2'
        when {{ deals_before }} < 10 then 'deals_3_9'
        else 'deals_10'
    end
{%- endmacro %}

{# New deals that the person's own pace lets one expect in three months; one where there were none, so that deals are
   compared as such. A multiple of a quarter, so sums are exact. #}
{% macro call_pace(deals_before) -%}
    coalesce(nullif(cast({{ deals_before }} as double), 0) / 4, cast(1 as double))
{%- endmacro %}

{# Logarithm of the gamma function for z > 0, to ten digits: Stirling's series at z + 8. Not every engine has a function. #}
{% macro log_gamma(z) -%}
    (
        ({{ z }} + 7.5) * ln({{ z }} + 8) - ({{ z }} + 8) + cast(0.918938533204673 as double)
        + 1 / (12 * ({{ z }} + 8)) - 1 / (360 * power({{ z }} + 8, 3)) + 1 / (1260 * power({{ z }} + 8, 5))
        - ln(
            ({{ z }}) * ({{ z }} + 1) * ({{ z }} + 2) * ({{ z }} + 3)
            * ({{ z }} + 4) * ({{ z }} + 5) * ({{ z }} + 6) * ({{ z }} + 7)
        )
    )
{%- endmacro %}

{# Of an entity with a gamma distribution (`shape`, `rate`), all_deals in all_time, and these deals in the last part of the
   time: the odds of another rate in that part against one rate, by the likelihood of the deals and the prior chance.
   Without any time before that part there is nothing to compare. #}
{% macro change_odds(deals, time) -%}
    case
        when all_time > {{ time }} then cast({{ var('quiet_prior') }} as double) * exp(cast(least(
            {{ log_gamma('shape + all_deals - ' ~ deals) }} + {{ log_gamma('shape + ' ~ deals) }}
            - {{ log_gamma('shape') }} - {{ log_gamma('shape + all_deals') }}
            + shape * ln(rate) + (shape + all_deals) * ln(rate + all_time)
            - (shape + all_deals - {{ deals }}) * ln(rate + all_time - {{ time }}) - (shape + {{ deals }}) * ln(rate + {{ time }}),
            500
        ) as double))
        else cast(0 as double)
    end
{%- endmacro %}

{# Deals to expect in the last part of the time at the rate before it. #}
{% macro expected_before(deals, time) -%}
    case
        when all_time > {{ time }}
            then cast((shape + all_deals - {{ deals }}) / (rate + all_time - {{ time }}) * {{ time }} as double)
        else cast(0 as double)
    end
{%- endmacro %}

{# Whether the window of a status in the month before is entirely in the data. #}
{% macro has_window_before(status, months) -%}
    {{ months }}.month_number > {{ months }}.first_number
    + case {{ status }}
        when 'contactable' then {{ (var('contact_window_days') / 28) | round(0, 'ceil') | int }}
        when 'active' then {{ var('active_window_months') - 1 }}
        else 11
    end
{%- endmacro %}

{# The id of the activity that a returned row of the activation worklist becomes. #}
{% macro worklist_activity_id() -%}
    {{ dbt.concat(["'WORKLIST:'", "branch_id", "':'", "cast(listed_on as string)"]) }}
{%- endmacro %}
