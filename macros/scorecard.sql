{# The metrics that a KPI set may hold, by the mart that has them; one that a scope lacks is shown without a value. #}
{% macro scorecard_metrics() -%}
    {%- set additive = ['deals_new', 'deals_qualified', 'deals_won', 'won_amount', 'referrals', 'sessions_held'] -%}
    {%- set persons = [
        'reps_contacted', 'reps_contactable', 'reps_trained', 'reps_active', 'reps_producing_t12m', 'rep_penetration',
    ] -%}
    {{ return({
        'all_partners': additive,
        'company_monthly': persons,
        'partner_monthly': additive + persons,
        'branch_monthly': additive + persons,
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
