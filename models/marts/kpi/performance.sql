-- How well deals go, of all partners together, of each partner and of each branch, over windows that end with the month.
-- noqa: disable=LT02,LT05,AM06
{% set scopes = {'company': "'ALL'", 'partner': 'partner_id', 'branch': 'branch_id'} -%}
{% set measures = deal_window_measures() -%}

with months as (
    select
        month,
        {{ add_months('month', -11) }} as year_from,
        is_complete,
        has_twelve_months
    from {{ ref('int_months') }}
),

-- Every entity's months, and what changed in one; up to a month, the changes add up to its windows.
changes as (
    {% for scope, entity in scopes.items() -%}
    select distinct
        '{{ scope }}' as scope, {{ entity }} as entity_id, month, true as is_wanted,
        {% for measure in measures %}0 as {{ measure }}{{ ', ' if not loop.last }}{% endfor %}
    from {{ ref('branch_monthly' if scope == 'branch' else 'partner_monthly') }}
    where {{ 'branch_id' if scope == 'branch' else 'partner_id' }} != 'DIRECT'
    union all
    select
        '{{ scope }}' as scope, {{ entity }} as entity_id, month, false as is_wanted,
        {% for measure in measures %}sum({{ measure }}) as {{ measure }}{{ ', ' if not loop.last }}{% endfor %}
    from {{ ref('int_deal_windows') }}
    group by {{ entity ~ ', ' if scope != 'company' }}month
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

windows as (
    select
        scope, entity_id, month, is_wanted,
        {%- for measure in measures %}
        sum({{ measure }}) over to_date as {{ measure }}{{ ',' if not loop.last }}
        {%- endfor %}
    from changes
    window to_date as (partition by scope, entity_id order by month)
),

-- A median needs the deals themselves.
deal_sizes as (
    {% for scope, entity in scopes.items() -%}
    select '{{ scope }}' as scope, {{ entity }} as entity_id, months.month, {{ median('won.amount') }} as median_deal
    from {{ ref('int_won_months') }} as won
    inner join months on won.month >= months.year_from and won.month <= months.month
    where won.channel_class != 'direct' and won.is_won
    group by {{ entity ~ ', ' if scope != 'company' }}months.month
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

cycles as (
    {% for scope, entity in scopes.items() -%}
    select
        '{{ scope }}' as scope, {{ entity }} as entity_id, months.month,
        {{ median('deals.cycle_days') }} as cycle_days
    from {{ ref('int_deal_milestones') }} as deals
    inner join months on deals.won_month >= months.year_from and deals.won_month <= months.month
    where deals.channel_class != 'direct'
    group by {{ entity ~ ', ' if scope != 'company' }}months.month
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- All that the company won, direct sales and unresolved money included.
company as (
    select month, sum(won_amount) over (order by month rows between 11 preceding and current row) as company_won_amount
    from {{ ref('company_monthly') }}
),

measured as (
    select
        windows.*,
        months.is_complete,
        months.has_twelve_months,
        -- Money without a partner is on neither side of a share.
        coalesce(
            sum(case when windows.scope = 'partner' and windows.entity_id != 'UNRESOLVED' then windows.won_amount end)
                over (partition by windows.month), 0
        ) as partners_won_amount,
        company.company_won_amount,
        -- Returns of older wins can outweigh the new ones.
        case when windows.won_amount > 0 then {{ rate('windows.won_amount', 'windows.deals_won', var('n_min')) }} end as avg_deal,
        case when windows.deals_won >= {{ var('n_min') }} then deal_sizes.median_deal end as median_deal,
        case when windows.cycle_deals >= {{ var('n_min') }} then cycles.cycle_days end as cycle_days,
        {{ rate('windows.closed_won', 'windows.closed', var('n_min')) }} as win_rate,
        {{ rate('windows.deals_won', 'windows.closed_year', var('n_min')) }} as win_rate_t12m,
        coalesce(reps.producers_before, 0) as producers_before,
        coalesce(reps.producers_kept, 0) as producers_kept,
        coalesce(reps.revenue_at_risk, 0) as revenue_at_risk
    from windows
    inner join months on windows.month = months.month
    left join company on windows.month = company.month
    {%- for measure, alias in [('deal_sizes', 'deal_sizes'), ('cycles', 'cycles'), (ref('int_rep_windows'), 'reps')] %}
    left join {{ measure }} as {{ alias }}
        on windows.scope = {{ alias }}.scope and windows.entity_id = {{ alias }}.entity_id and windows.month = {{ alias }}.month
    {%- endfor %}
    where windows.is_wanted
)

select
    scope,
    entity_id,
    month,
    {{ fiscal_year('month') }} as fiscal_year,
    {{ fiscal_half('month') }} as fiscal_half,
    {{ fiscal_quarter('month') }} as fiscal_quarter,
    is_complete,
    has_twelve_months,
    cast(won_amount as {{ money_type() }}) as won_amount_t12m,
    cast(deals_won as bigint) as deals_won_t12m,
    avg_deal,
    {{ round_money('median_deal') }} as median_deal,
    cast(partners_won_amount as {{ money_type() }}) as partner_share_denominator,
    case
        when scope != 'company' and entity_id != 'UNRESOLVED' and partners_won_amount > 0
            then cast(won_amount as double) / cast(partners_won_amount as double)
    end as partner_share,
    cast(coalesce(company_won_amount, 0) as {{ money_type() }}) as company_share_denominator,
    case when company_won_amount > 0 then cast(won_amount as double) / cast(company_won_amount as double) end as company_share,
    cast(cycle_deals as bigint) as cycle_deals,
    cast(cycle_days as double) as cycle_days,
    cast(closed_won as bigint) as win_rate_numerator,
    cast(closed as bigint) as win_rate_denominator,
    win_rate,
    cast(deals_won as bigint) as win_rate_t12m_numerator,
    cast(closed_year as bigint) as win_rate_t12m_denominator,
    win_rate_t12m,
    cast(cohort_qualified as bigint) as qualify_rate_numerator,
    cast(cohort_deals as bigint) as qualify_rate_denominator,
    {{ rate('cohort_qualified', 'cohort_deals', var('n_min')) }} as qualify_rate,
    cast(cohort_won as bigint) as win_rate_cohort_numerator,
    cast(cohort_deals as bigint) as win_rate_cohort_denominator,
    {{ rate('cohort_won', 'cohort_deals', var('n_min')) }} as win_rate_cohort,
    cast(open_qualified as bigint) as open_qualified,
    -- A cycle of less than a day is a day.
    open_qualified * win_rate_t12m * avg_deal / case when cycle_days < 1 then 1 else cycle_days end as velocity,
    cast(self_run_wins as bigint) as self_run_ratio_numerator,
    cast(logged_wins as bigint) as self_run_ratio_denominator,
    {{ rate('self_run_wins', 'logged_wins', var('n_min')) }} as self_run_ratio,
    cast(producers_kept as bigint) as producer_retention_numerator,
    cast(producers_before as bigint) as producer_retention_denominator,
    {{ rate('producers_kept', 'producers_before') }} as producer_retention,
    cast(revenue_at_risk as {{ money_type() }}) as revenue_at_risk
from measured
