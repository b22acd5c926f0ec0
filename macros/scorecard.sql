{# The metrics that a KPI set may hold, by the mart that has them; a scope whose marts lack one does not show it. #}
{% macro scorecard_metrics() -%}
    {%- set additive = ['deals_new', 'deals_qualified', 'deals_won', 'won_amount', 'referrals', 'sessions_held'] -%}
    {%- set persons = [
        'reps_contacted', 'reps_contactable', 'reps_trained', 'reps_active', 'reps_producing_t12m', 'rep_penetration',
    ] -%}
    {{ return({
        'all_partners': additive,
        'company_monthly': persons,
        'partner_monthly_as_is': additive + persons,
        'branch_monthly_as_is': additive + persons,
        'performance': [
            'win_rate', 'qualify_rate', 'win_rate_cohort', 'avg_deal', 'cycle_days', 'velocity', 'self_run_ratio',
            'producer_retention', 'revenue_at_risk', 'partner_share', 'company_share',
        ],
        'rep_concentration': ['effective_reps', 'rep_hhi', 'top_rep_share', 'headroom_reps', 'headroom_amount'],
        'network_monthly': [
            'partners_contracted', 'branches_contracted', 'partners_signed', 'branches_active', 'dormant_units',
            'activation_rate', 'ttfd', 'ttfw',
        ],
    }) }}
{%- endmacro %}

{# Those that look at one month alone. #}
{% macro scorecard_monthly_metrics() -%}
    {{ return(scorecard_metrics()['all_partners'] + [
        'reps_contacted', 'reps_contactable', 'reps_trained', 'partners_contracted', 'branches_contracted', 'partners_signed',
    ]) }}
{%- endmacro %}

{# The marts that have a scope's metrics, and those metrics. #}
{% macro scorecard_marts() -%}
    {{ return({
        'company': ['all_partners', 'company_monthly', 'performance', 'network_monthly'],
        'partner': ['partner_monthly_as_is', 'performance'],
        'branch': ['branch_monthly_as_is', 'performance', 'rep_concentration'],
    }) }}
{%- endmacro %}

{% macro scorecard_metrics_of(scope) -%}
    {%- set metrics = [] -%}
    {%- for mart in scorecard_marts()[scope] -%}
        {%- do metrics.extend(scorecard_metrics()[mart]) -%}
    {%- endfor -%}
    {{ return(metrics) }}
{%- endmacro %}
