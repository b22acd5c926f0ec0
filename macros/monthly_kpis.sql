{#
    Measures per scope and month, the same for branch, partner and company: sums of what adds up, and persons counted anew in
    each scope, because a rep of two branches is one person of the partner.

    scope: the column that names it, or an expression such as 'ALL'. months: a relation with scope_id and month, the rows wanted.
#}
{% macro monthly_kpis(months, scope) -%}
    {%- set producing_months = 12 -%}
    {%- set active_months = var('active_window_months') -%}
    {%- set branch_scope = "branches." ~ scope if scope in ['branch_id', 'partner_id'] else scope -%}
    entries as (
        select
            {{ scope }} as scope_id,
            entered_month as month,
            sum(case when stage = 'open' then 1 else 0 end) as deals_new,
            sum(case when stage = 'qualified' then 1 else 0 end) as deals_qualified,
            sum(case when stage = 'lost' then 1 else 0 end) as deals_lost
        from {{ ref('fct_stage_entries') }}
        where is_counted
        group by 1, 2
    ),

    wins as (
        select
            {{ scope }} as scope_id,
            month,
            sum(case when is_won then 1 else 0 end) as deals_won,
            sum(amount) as won_amount,
            sum(case when channel_class = 'direct' then amount end) as won_amount_direct,
            sum(case when channel_class = 'indirect' then amount end) as won_amount_indirect,
            sum(case when channel_class = 'unresolved' then amount end) as won_amount_unresolved
        from {{ ref('int_won_months') }}
        group by 1, 2
    ),

    referrals as (
        select {{ scope }} as scope_id, month, count(*) as referrals
        from {{ ref('int_referrals') }}
        group by 1, 2
    ),

    sessions as (
        select {{ scope }} as scope_id, occurred_month as month, count(*) as sessions_held
        from {{ ref('fct_activities') }}
        where activity_type = 'study_session' and status = 'held' and reps_attended > 0
        group by 1, 2
    ),

    contacted as (
        select {{ branch_scope }} as scope_id, attendance.occurred_month as month, count(distinct attendance.rep_id) as reps_contacted
        from {{ ref('fct_attendance') }} as attendance
        inner join {{ ref('dim_branch') }} as branches on attendance.branch_id = branches.branch_id
        where attendance.is_live_touch and attendance.rep_id is not null
        group by 1, 2
    ),

    contactable as (
        select {{ branch_scope }} as scope_id, contactable.month, count(distinct contactable.rep_id) as reps_contactable
        from {{ ref('int_contactable_reps') }} as contactable
        inner join {{ ref('dim_branch') }} as branches on contactable.branch_id = branches.branch_id
        group by 1, 2
    ),

    {%- for name, measure, window in [('active', 'deals_new', active_months), ('producing', 'deals_won', producing_months)] %}

    -- A rep-month counts in its own month and in those that still have it in their window.
    {{ name }} as (
        select {{ 'rep_months.' ~ scope if scope in ['branch_id', 'partner_id'] else scope }} as scope_id, wanted.month,
            count(distinct rep_months.rep_id) as reps_{{ name }}
        from {{ ref('rep_monthly') }} as rep_months
        inner join (select distinct month from {{ months }}) as wanted
            on
                rep_months.month <= wanted.month
                and rep_months.month > {{ add_months('wanted.month', -window) }}
        where rep_months.{{ measure }} > 0 and rep_months.rep_id != 'NONE'
        group by 1, 2
    ),
    {%- endfor %}

    headcounts as (
        select {{ branch_scope }} as scope_id, headcounts.month, sum(headcounts.sales_headcount) as headcount
        from {{ ref('int_headcounts') }} as headcounts
        inner join {{ ref('dim_branch') }} as branches on headcounts.branch_id = branches.branch_id
        group by 1, 2
    ),

    measured as (
        select
            months.scope_id,
            months.month,
            cast(coalesce(entries.deals_new, 0) as bigint) as deals_new,
            cast(coalesce(entries.deals_qualified, 0) as bigint) as deals_qualified,
            cast(coalesce(wins.deals_won, 0) as bigint) as deals_won,
            cast(coalesce(entries.deals_lost, 0) as bigint) as deals_lost,
            cast(coalesce(wins.won_amount, 0) as {{ money_type() }}) as won_amount,
            cast(coalesce(wins.won_amount_direct, 0) as {{ money_type() }}) as won_amount_direct,
            cast(coalesce(wins.won_amount_indirect, 0) as {{ money_type() }}) as won_amount_indirect,
            cast(coalesce(wins.won_amount_unresolved, 0) as {{ money_type() }}) as won_amount_unresolved,
            cast(coalesce(referrals.referrals, 0) as bigint) as referrals,
            cast(coalesce(sessions.sessions_held, 0) as bigint) as sessions_held,
            cast(coalesce(contacted.reps_contacted, 0) as bigint) as reps_contacted,
            cast(coalesce(contactable.reps_contactable, 0) as bigint) as reps_contactable,
            cast(coalesce(active.reps_active, 0) as bigint) as reps_active,
            cast(coalesce(producing.reps_producing, 0) as bigint) as reps_producing_t12m,
            -- Unknown is not zero: a branch that reported no headcount has none here.
            cast(headcounts.headcount as bigint) as headcount
        from {{ months }} as months
        {%- for measure in [
            'entries', 'wins', 'referrals', 'sessions', 'contacted', 'contactable', 'active', 'producing', 'headcounts'
        ] %}
        left join {{ measure }} on months.scope_id = {{ measure }}.scope_id and months.month = {{ measure }}.month
        {%- endfor %}
    )
{%- endmacro %}

{# The published columns that branch_monthly, partner_monthly and company_monthly share, from `measured`. #}
{% macro monthly_kpi_columns() -%}
    {{ fiscal_year('measured.month') }} as fiscal_year,
    {{ fiscal_half('measured.month') }} as fiscal_half,
    {{ fiscal_quarter('measured.month') }} as fiscal_quarter,
    measured.deals_new,
    measured.deals_qualified,
    measured.deals_won,
    measured.deals_lost,
    measured.won_amount,
    measured.deals_won as win_rate_numerator,
    measured.deals_won + measured.deals_lost as win_rate_denominator,
    {{ rate('measured.deals_won', '(measured.deals_won + measured.deals_lost)', var('n_min')) }} as win_rate,
    measured.referrals,
    measured.sessions_held,
    measured.reps_contacted,
    measured.reps_contactable,
    measured.reps_active,
    measured.reps_producing_t12m,
    measured.headcount,
    measured.reps_producing_t12m as rep_penetration_numerator,
    measured.headcount as rep_penetration_denominator,
    {{ rate('measured.reps_producing_t12m', 'measured.headcount') }} as rep_penetration
{%- endmacro %}
