{# The metrics of int_monthly that are sums over deals or activities, each in the given form. A scorecard can show them. #}
{% macro additive_metrics(form, separator=',') -%}
    {%- for metric in [
        'deals_new', 'deals_qualified', 'deals_won', 'deals_lost', 'won_amount', 'referrals', 'sessions_held',
    ] %}
        {{ form | replace('METRIC', metric) }}{{ separator if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# The published columns that the monthly marts of all scopes share, from int_monthly as `months`. #}
{% macro monthly_columns() -%}
    {{ fiscal_year('months.month') }} as fiscal_year,
    {{ fiscal_half('months.month') }} as fiscal_half,
    {{ fiscal_quarter('months.month') }} as fiscal_quarter,
    months.is_complete,
    months.has_twelve_months,
    months.deals_new,
    months.deals_qualified,
    months.deals_won,
    months.deals_lost,
    months.won_amount,
    months.deals_won as win_rate_month_numerator,
    months.deals_won + months.deals_lost as win_rate_month_denominator,
    {{ rate('months.deals_won', '(months.deals_won + months.deals_lost)', var('n_min')) }} as win_rate_month,
    months.referrals,
    months.sessions_held,
    months.reps_contacted,
    months.headcount,
    months.is_headcount_inherited,
    months.reps_known,
    months.reps_contactable,
    months.reps_trained,
    months.reps_active,
    months.reps_producing_t12m,
    months.unassigned_wins_t12m,
    -- The steps from salesperson to win: of the reps on a step, how many are on the next as well.
    months.known_rate_numerator,
    months.headcount as known_rate_denominator,
    {{ rate('months.known_rate_numerator', 'months.headcount') }} as known_rate,
    {{ rate('months.reps_contactable', 'months.reps_known') }} as contactable_rate,
    months.trained_rate_numerator,
    months.reps_contactable as trained_rate_denominator,
    {{ rate('months.trained_rate_numerator', 'months.reps_contactable') }} as trained_rate,
    months.producing_rate_numerator,
    months.producing_rate_denominator,
    {{ rate('months.producing_rate_numerator', 'months.producing_rate_denominator') }} as producing_rate,
    months.rep_penetration_numerator,
    months.headcount as rep_penetration_denominator,
    months.rep_penetration
{%- endmacro %}
