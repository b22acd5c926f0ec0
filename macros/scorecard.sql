{# Where the metrics that a KPI set may hold are: metric → mart. Those of `performance` and `rep_concentration` are for the scopes
   that they have; a metric that a scope lacks is shown without a value. #}
{% macro scorecard_metrics() -%}
    {{ return({
        'deals_new': 'monthly', 'deals_qualified': 'monthly', 'deals_won': 'monthly', 'won_amount': 'monthly',
        'referrals': 'monthly', 'sessions_held': 'monthly', 'reps_contacted': 'monthly', 'reps_contactable': 'monthly',
        'reps_trained': 'monthly', 'reps_active': 'monthly', 'reps_producing_t12m': 'monthly', 'rep_penetration': 'monthly',
        'win_rate': 'performance', 'qualify_rate': 'performance', 'win_rate_cohort': 'performance',
        'avg_deal': 'performance', 'cycle_days': 'performance', 'velocity': 'performance', 'self_run_ratio': 'performance',
        'producer_retention': 'performance', 'revenue_at_risk': 'performance', 'partner_share': 'performance',
        'effective_reps': 'rep_concentration', 'rep_hhi': 'rep_concentration', 'top_rep_share': 'rep_concentration',
        'headroom_reps': 'rep_concentration', 'headroom_amount': 'rep_concentration',
        'partners_contracted': 'network_monthly', 'branches_contracted': 'network_monthly',
        'partners_signed': 'network_monthly', 'branches_active': 'network_monthly', 'dormant_units': 'network_monthly',
        'activation_rate': 'network_monthly', 'ttfd': 'network_monthly', 'ttfw': 'network_monthly',
    }) }}
{%- endmacro %}
