-- Fails when the monthly marts of branches, divisions, partners and the company, as was or as is, have different totals
-- of additive figures, or other totals than the facts. A fact dated after the latest extract also appears here, because
-- no month contains it: its date is wrong in the source. Where the var as_of is in the past on purpose, later months
-- are left out.
{{ config(meta={'dagster': {'ref': {'name': 'company_monthly'}}}) }}

{% set marts = [
    'branch_monthly', 'branch_monthly_as_is', 'division_monthly', 'division_monthly_as_is', 'partner_monthly',
    'partner_monthly_as_is', 'company_monthly'
] %}
{% set measures = ['deals_new', 'deals_qualified', 'deals_lost', 'deals_won', 'won_amount', 'referrals', 'sessions_held'] %}
with facts as (
    select
        month,
        sum(deals_new) as deals_new,
        sum(deals_qualified) as deals_qualified,
        sum(deals_lost) as deals_lost,
        sum(deals_won) as deals_won,
        sum(won_amount) as won_amount,
        sum(referrals) as referrals,
        sum(sessions_held) as sessions_held
    from (
        select
            entered_month as month,
            case when stage = 'open' then 1 else 0 end as deals_new,
            case when stage = 'qualified' then 1 else 0 end as deals_qualified,
            case when stage = 'lost' then 1 else 0 end as deals_lost,
            0 as deals_won, 0 as won_amount, 0 as referrals, 0 as sessions_held
        from {{ ref('fct_stage_entries') }}
        where is_counted
        union all
        select month, 0, 0, 0, case when is_won then 1 else 0 end, 0, 0, 0
        from {{ ref('int_won_months') }}
        union all
        select recognized_month, 0, 0, 0, 0, amount, 0, 0
        from {{ ref('fct_revenue') }}
        where is_counted
        union all
        select month, 0, 0, 0, 0, 0, 1, 0
        from {{ ref('int_referrals') }}
        union all
        select occurred_month, 0, 0, 0, 0, 0, 0, 1
        from {{ ref('fct_activities') }}
        where activity_type = 'study_session' and status = 'held' and reps_attended > 0
    ) as rows_of_facts
    {% if var('as_of') -%}
    where month <= cast('{{ var("as_of") }}' as date)
    {% endif -%}
    group by month
),

{% for mart in marts -%}
{{ mart }} as (
    select month{% for measure in measures %}, sum({{ measure }}) as {{ measure }}{% endfor %}
    from {{ ref(mart) }}
    group by month
){{ ',' if not loop.last }}
{% endfor %}

{% for mart in marts -%}
select
    '{{ mart }}' as mart,
    coalesce(facts.month, mart.month) as month
    {%- for measure in measures %}, facts.{{ measure }} as facts_{{ measure }}, mart.{{ measure }}{% endfor %}
from facts
full outer join {{ mart }} as mart on facts.month = mart.month
where
    false
    {%- for measure in measures %}
    or coalesce(facts.{{ measure }}, 0) != coalesce(mart.{{ measure }}, 0)
    {%- endfor %}
{{ 'union all' if not loop.last }}
{% endfor %}
