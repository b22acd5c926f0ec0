{#
    Measures per scope and month, the same for branch, partner and company: sums of what adds up, and persons counted anew in
    each scope, because a rep of two branches is one person of the partner.

    scope: the column that names it. branch_id and partner_id are those of the day, current_branch_id and current_partner_id the
    ones in which they live on today; an expression such as 'ALL' takes everything together. months: a relation with scope_id and
    month, the rows wanted.
#}
{% macro monthly_kpis(months, scope) -%}
    {%- set is_current = scope in ['current_branch_id', 'current_partner_id'] -%}
    {#- What a roster tells has a branch and no partner of the day; facts have both. -#}
    {%- set of_branch = 'branches.' ~ scope if scope in ['branch_id', 'partner_id'] or is_current else scope -%}
    {%- set of_fact = 'branches.' ~ scope if is_current else ('facts.' ~ scope if scope in ['branch_id', 'partner_id'] else scope) -%}
    {%- set branch_join -%}
        inner join {{ ref('dim_branch') }} as branches on facts.branch_id = branches.branch_id
    {%- endset -%}
    {%- set fact_join = branch_join if is_current else '' -%}
    results as (
        select
            {{ of_fact }} as scope_id,
            facts.month,
            sum(facts.deals_new) as deals_new,
            sum(facts.deals_qualified) as deals_qualified,
            sum(facts.deals_lost) as deals_lost,
            sum(facts.deals_won) as deals_won,
            sum(facts.won_amount) as won_amount
            {%- for class in ['direct', 'indirect', 'unresolved'] %},
            sum(case when facts.channel_class = '{{ class }}' then facts.won_amount end) as won_amount_{{ class }}
            {%- endfor %}
        from {{ ref('branch_channel_monthly') }} as facts
        {{ fact_join }}
        group by 1, 2
    ),

    {%- if is_current %}

    -- Money is split among successors to the yen; a deal counts where its branch lives on with the most.
    current_money as (
        select {{ of_branch }} as scope_id, {{ month_of('credit.recognized_on') }} as month, sum(credit.amount) as won_amount
        from {{ ref('current_credit') }} as credit
        inner join {{ ref('dim_branch') }} as branches on credit.branch_id_current = branches.branch_id
        where credit.is_counted
        group by 1, 2
    ),
    {%- endif %}

    referrals as (
        select {{ of_fact }} as scope_id, facts.month, count(*) as referrals
        from {{ ref('int_referrals') }} as facts
        {{ fact_join }}
        group by 1, 2
    ),

    sessions as (
        select {{ of_fact }} as scope_id, facts.occurred_month as month, count(*) as sessions_held
        from {{ ref('fct_activities') }} as facts
        {{ fact_join }}
        where facts.activity_type = 'study_session' and facts.status = 'held' and facts.reps_attended > 0
        group by 1, 2
    ),

    contacted as (
        select {{ of_branch }} as scope_id, facts.month, count(distinct facts.rep_id) as reps_contacted
        from {{ ref('int_contacted_reps') }} as facts
        {{ branch_join }}
        group by 1, 2
    ),

    known as (
        select
            {{ of_branch }} as scope_id,
            facts.month,
            count(distinct facts.rep_id) as reps_known,
            count(distinct case when facts.has_headcount then facts.rep_id end) as known_rate_numerator
        from {{ ref('int_known_reps') }} as facts
        {{ branch_join }}
        group by 1, 2
    ),

    contactable as (
        select
            {{ of_branch }} as scope_id,
            facts.month,
            count(distinct facts.rep_id) as reps_contactable,
            count(distinct case when facts.is_trained then facts.rep_id end) as trained_rate_numerator
        from {{ ref('int_contactable_reps') }} as facts
        {{ branch_join }}
        group by 1, 2
    ),

    trained as (
        select
            {{ of_branch }} as scope_id,
            facts.month,
            count(distinct case when facts.is_this_fiscal_year then facts.rep_id end) as reps_trained,
            count(distinct facts.rep_id) as producing_rate_denominator,
            count(distinct case when facts.is_producing then facts.rep_id end) as producing_rate_numerator
        from {{ ref('int_trained_reps') }} as facts
        {{ branch_join }}
        group by 1, 2
    ),

    active as (
        select {{ of_fact }} as scope_id, facts.month, count(distinct facts.rep_id) as reps_active
        from {{ ref('int_active_reps') }} as facts
        {{ fact_join }}
        group by 1, 2
    ),

    producing as (
        select
            {{ of_fact }} as scope_id,
            facts.month,
            count(distinct facts.rep_id) as reps_producing_t12m,
            count(distinct case when facts.has_headcount then facts.rep_id end) as rep_penetration_numerator
        from {{ ref('int_producing_reps') }} as facts
        {{ fact_join }}
        group by 1, 2
    ),

    -- Wins of which nobody knows the salesperson: shares of those who win are at least what they say.
    unassigned as (
        select {{ of_fact }} as scope_id, facts.month, sum(facts.deals_won) as unassigned_wins_t12m
        from {{ ref('int_rep_years') }} as facts
        {{ fact_join }}
        where facts.rep_id = 'NONE'
        group by 1, 2
    ),

    headcounts as (
        select {{ of_branch }} as scope_id, facts.month, sum(facts.sales_headcount) as headcount
        from {{ ref('int_headcounts') }} as facts
        {{ branch_join }}
        group by 1, 2
    ),

    measured as (
        select
            months.scope_id,
            months.month,
            calendar.is_complete,
            calendar.has_twelve_months,
            cast(coalesce(results.deals_new, 0) as bigint) as deals_new,
            cast(coalesce(results.deals_qualified, 0) as bigint) as deals_qualified,
            cast(coalesce(results.deals_won, 0) as bigint) as deals_won,
            cast(coalesce(results.deals_lost, 0) as bigint) as deals_lost,
            cast(coalesce({{ 'current_money' if is_current else 'results' }}.won_amount, 0) as {{ money_type() }}) as won_amount,
            cast(coalesce(results.won_amount_direct, 0) as {{ money_type() }}) as won_amount_direct,
            cast(coalesce(results.won_amount_indirect, 0) as {{ money_type() }}) as won_amount_indirect,
            cast(coalesce(results.won_amount_unresolved, 0) as {{ money_type() }}) as won_amount_unresolved,
            cast(coalesce(referrals.referrals, 0) as bigint) as referrals,
            cast(coalesce(sessions.sessions_held, 0) as bigint) as sessions_held,
            cast(coalesce(contacted.reps_contacted, 0) as bigint) as reps_contacted,
            cast(coalesce(known.reps_known, 0) as bigint) as reps_known,
            cast(coalesce(contactable.reps_contactable, 0) as bigint) as reps_contactable,
            cast(coalesce(trained.reps_trained, 0) as bigint) as reps_trained,
            cast(coalesce(contactable.trained_rate_numerator, 0) as bigint) as trained_rate_numerator,
            cast(coalesce(trained.producing_rate_numerator, 0) as bigint) as producing_rate_numerator,
            cast(coalesce(trained.producing_rate_denominator, 0) as bigint) as producing_rate_denominator,
            cast(coalesce(active.reps_active, 0) as bigint) as reps_active,
            cast(coalesce(producing.reps_producing_t12m, 0) as bigint) as reps_producing_t12m,
            cast(coalesce(unassigned.unassigned_wins_t12m, 0) as bigint) as unassigned_wins_t12m,
            -- Unknown is not zero: a branch that reported no headcount has none here, and its reps are in no share of one.
            cast(headcounts.headcount as bigint) as headcount,
            cast(case when headcounts.headcount is not null then coalesce(known.known_rate_numerator, 0) end as bigint)
                as known_rate_numerator,
            cast(case when headcounts.headcount is not null then coalesce(producing.rep_penetration_numerator, 0) end as bigint)
                as rep_penetration_numerator
        from {{ months }} as months
        inner join {{ ref('int_months') }} as calendar on months.month = calendar.month
        {%- for measure in [
            'results', 'referrals', 'sessions', 'contacted', 'known', 'contactable', 'trained', 'active', 'producing',
            'unassigned', 'headcounts'
        ] + (['current_money'] if is_current else []) %}
        left join {{ measure }} on months.scope_id = {{ measure }}.scope_id and months.month = {{ measure }}.month
        {%- endfor %}
    )
{%- endmacro %}

{# The published columns that the monthly marts of branch, partner and company share, from `measured`. #}
{% macro monthly_kpi_columns() -%}
    {{ fiscal_year('measured.month') }} as fiscal_year,
    {{ fiscal_half('measured.month') }} as fiscal_half,
    {{ fiscal_quarter('measured.month') }} as fiscal_quarter,
    measured.is_complete,
    measured.has_twelve_months,
    measured.deals_new,
    measured.deals_qualified,
    measured.deals_won,
    measured.deals_lost,
    measured.won_amount,
    measured.deals_won as win_rate_month_numerator,
    measured.deals_won + measured.deals_lost as win_rate_month_denominator,
    {{ rate('measured.deals_won', '(measured.deals_won + measured.deals_lost)', var('n_min')) }} as win_rate_month,
    measured.referrals,
    measured.sessions_held,
    measured.reps_contacted,
    measured.headcount,
    measured.reps_known,
    measured.reps_contactable,
    measured.reps_trained,
    measured.reps_active,
    measured.reps_producing_t12m,
    measured.unassigned_wins_t12m,
    -- The ladder of salespeople: of those on a step, how many stand on the next, too.
    measured.known_rate_numerator,
    measured.headcount as known_rate_denominator,
    {{ rate('measured.known_rate_numerator', 'measured.headcount') }} as known_rate,
    {{ rate('measured.reps_contactable', 'measured.reps_known') }} as contactable_rate,
    measured.trained_rate_numerator,
    measured.reps_contactable as trained_rate_denominator,
    {{ rate('measured.trained_rate_numerator', 'measured.reps_contactable') }} as trained_rate,
    measured.producing_rate_numerator,
    measured.producing_rate_denominator,
    {{ rate('measured.producing_rate_numerator', 'measured.producing_rate_denominator') }} as producing_rate,
    measured.rep_penetration_numerator,
    measured.headcount as rep_penetration_denominator,
    {{ rate('measured.rep_penetration_numerator', 'measured.headcount') }} as rep_penetration
{%- endmacro %}

{# The figures of windows that int_deal_windows holds and performance adds up. #}
{% macro deal_window_measures() -%}
    {{ return([
        'won_amount', 'deals_won', 'closed', 'closed_won', 'cycle_deals', 'logged_wins', 'self_run_wins', 'cohort_deals',
        'cohort_qualified', 'cohort_won', 'open_qualified', 'closed_year',
    ]) }}
{%- endmacro %}
