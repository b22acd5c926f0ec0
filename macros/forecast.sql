{# Expressions of the forecast. Sums of doubles depend on the order of their rows; sums of these decimals do not. A double
   gets more digits first, because engines round half a digit of a double in different ways. Money gets fewer digits
   first: more than 16 digits of a double depend on the engine. #}
{% macro exact(value) -%} cast(cast({{ value }} as decimal(34, 14)) as decimal(28, 10)) {%- endmacro %}
{% macro exact_money(value) -%} cast(cast({{ value }} as decimal(28, 2)) as decimal(28, 10)) {%- endmacro %}

{# A double with few digits, rounded alike on all engines. #}
{% macro rounded(value, digits) -%} cast(round({{ exact(value) }}, {{ digits }}) as double) {%- endmacro %}

{# Actual ÷ expected, drawn towards 1 as if `weight` further ones had come as expected: the mean of a gamma-Poisson. #}
{% macro shrunk_ratio(actual, expected, weight) -%}
    (cast({{ actual }} as double) + {{ weight }}) / (cast({{ expected }} as double) + {{ weight }})
{%- endmacro %}

{# Quantile of the gamma distribution with this mean and variance, by Wilson and Hilferty's cube root. `z` is the
   quantile of the standard normal distribution. Where so little is expected that nothing comes in more than nine of ten cases (a shape,
   mean² ÷ variance, below 0.033), P90 is 0, and should be. #}
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

{# Deals that are open at a month end, by branch of today, with their chance to be won up to a later month and their amount.
   `horizons` is a relation with the columns month_number, horizon (any name of the period) and last_forecast_number. #}
{% macro open_deal_chances(horizons) -%}
    select
        deals.month_number, odds.horizon, deals.branch_id, deals.division_id, deals.partner_id,
        least(
            odds.win_chance * coalesce(kinds.factor, 1) * coalesce(partners.factor, 1), cast(0.97 as double)
        ) as win_chance,
        coalesce(cast(deals.amount as double), amounts.mean_amount, cast(0 as double)) as amount
    from {{ ref('int_open_months') }} as deals
    inner join (
        select
            months.month_number, months.horizon, odds.stage, odds.age_days,
            cast(sum({{ exact('odds.win_chance') }}) as double) as win_chance
        from {{ horizons }} as months
        inner join {{ ref('int_win_odds') }} as odds
            on
                months.month_number = odds.month_number and odds.stage != 'new'
                and odds.target_number <= months.last_forecast_number
        group by months.month_number, months.horizon, odds.stage, odds.age_days
    ) as odds
        on deals.month_number = odds.month_number and deals.stage = odds.stage and deals.age_days = odds.age_days
    left join {{ ref('int_win_factors') }} as kinds
        on
            deals.month_number = kinds.month_number and deals.is_direct = kinds.is_direct
            and deals.channel = kinds.channel and deals.deal_type = kinds.deal_type
    left join {{ ref('int_win_factors') }} as partners
        on deals.month_number = partners.month_number and deals.partner_id = partners.partner_id
    left join {{ ref('int_win_amounts') }} as amounts
        on deals.month_number = amounts.month_number and deals.partner_id = amounts.partner_id
{%- endmacro %}
