-- Results of partner deals for every entity except direct sales, on today's organisation, over windows that end with the
-- month.
with bridge as (
    select branch_version_id, scope_key from {{ ref('int_scope_bridge') }} where organisation = 'as_is'
),

months as (
    select
        scopes.scope_key, scopes.scope, scopes.entity_id,
        months.month, {{ add_months('months.month', -11) }} as year_from, months.is_complete, months.has_twelve_months
    from {{ ref('int_scope_months') }} as months
    inner join {{ ref('int_scopes') }} as scopes on months.scope_key = scopes.scope_key
    where scopes.organisation = 'as_is' and scopes.entity_id != 'DIRECT'
),

credited as (
    select bridge.scope_key, credit.month, sum(credit.won_amount) as won_amount
    from {{ ref('int_rep_credit') }} as credit
    inner join bridge on credit.branch_version_id = bridge.branch_version_id
    where credit.organisation = 'as_is' and credit.channel_class != 'direct'
    group by bridge.scope_key, credit.month
),

-- Every month of each entity with its changes. The sum of the changes up to a month is the figure of its window.
changes as (
    select
        scope_key, month, true as is_wanted, 0 as credited_amount, 0 as won_amount, 0 as deals_won, 0 as closed,
        0 as closed_won, 0 as cycle_deals, 0 as logged_wins, 0 as self_run_wins, 0 as cohort_deals,
        0 as cohort_qualified, 0 as cohort_won, 0 as open_qualified, 0 as closed_year
    from months
    union all
    select
        scope_key, month, false as is_wanted, won_amount as credited_amount, 0 as won_amount, 0 as deals_won,
        0 as closed, 0 as closed_won, 0 as cycle_deals, 0 as logged_wins, 0 as self_run_wins, 0 as cohort_deals,
        0 as cohort_qualified, 0 as cohort_won, 0 as open_qualified, 0 as closed_year
    from credited
    union all
    select
        scope_key, {{ add_months('month', 12) }} as month, false as is_wanted, {{ negative('won_amount') }} as credited_amount,
        0 as won_amount, 0 as deals_won, 0 as closed, 0 as closed_won, 0 as cycle_deals, 0 as logged_wins,
        0 as self_run_wins, 0 as cohort_deals, 0 as cohort_qualified, 0 as cohort_won, 0 as open_qualified,
        0 as closed_year
    from credited
    union all
    select
        bridge.scope_key, windows.month, false as is_wanted, 0 as credited_amount,
        sum(windows.won_amount) as won_amount,
        sum(windows.deals_won) as deals_won,
        sum(windows.closed) as closed,
        sum(windows.closed_won) as closed_won,
        sum(windows.cycle_deals) as cycle_deals,
        sum(windows.logged_wins) as logged_wins,
        sum(windows.self_run_wins) as self_run_wins,
        sum(windows.cohort_deals) as cohort_deals,
        sum(windows.cohort_qualified) as cohort_qualified,
        sum(windows.cohort_won) as cohort_won,
        sum(windows.open_qualified) as open_qualified,
        sum(windows.closed_year) as closed_year
    from {{ ref('int_deal_windows') }} as windows
    inner join bridge on windows.branch_version_id = bridge.branch_version_id
    group by bridge.scope_key, windows.month
),

windows as (
    select
        scope_key, month, is_wanted,
        sum(credited_amount) over to_date as credited_amount,
        sum(won_amount) over to_date as won_amount,
        sum(deals_won) over to_date as deals_won,
        sum(closed) over to_date as closed,
        sum(closed_won) over to_date as closed_won,
        sum(cycle_deals) over to_date as cycle_deals,
        sum(logged_wins) over to_date as logged_wins,
        sum(self_run_wins) over to_date as self_run_wins,
        sum(cohort_deals) over to_date as cohort_deals,
        sum(cohort_qualified) over to_date as cohort_qualified,
        sum(cohort_won) over to_date as cohort_won,
        sum(open_qualified) over to_date as open_qualified,
        sum(closed_year) over to_date as closed_year
    from changes
    window to_date as (partition by scope_key order by month)
),

-- A median needs one row per deal.
deal_sizes as (
    select bridge.scope_key, months.month, {{ median_money('won.amount') }} as median_deal
    from {{ ref('int_won_months') }} as won
    inner join bridge on won.branch_version_id = bridge.branch_version_id
    inner join {{ ref('int_months') }} as months
        on won.month <= months.month and won.month > {{ add_months('months.month', -12) }}
    where won.channel_class != 'direct' and won.is_won
    group by bridge.scope_key, months.month
),

cycles as (
    select bridge.scope_key, months.month, {{ median('deals.cycle_days') }} as cycle_days
    from {{ ref('int_deal_milestones') }} as deals
    inner join bridge on deals.branch_version_id = bridge.branch_version_id
    inner join {{ ref('int_months') }} as months
        on deals.won_month <= months.month and deals.won_month > {{ add_months('months.month', -12) }}
    where deals.channel_class != 'direct'
    group by bridge.scope_key, months.month
),

-- All wins of the company, including direct sales and unresolved money.
company as (
    select
        months.month,
        sum(months.won_amount) over (order by months.month rows between 11 preceding and current row) as company_won_amount
    from {{ ref('int_monthly') }} as months
    inner join {{ ref('int_scopes') }} as scopes on months.scope_key = scopes.scope_key
    where scopes.organisation = 'as_is' and scopes.scope = 'company'
),

measured as (
    select
        months.*,
        windows.credited_amount,
        windows.won_amount,
        windows.deals_won,
        windows.closed,
        windows.closed_won,
        windows.cycle_deals,
        windows.logged_wins,
        windows.self_run_wins,
        windows.cohort_deals,
        windows.cohort_qualified,
        windows.cohort_won,
        windows.open_qualified,
        windows.closed_year,
        -- Unresolved money is on neither side of a share.
        coalesce(
            sum(case when months.scope = 'partner' and months.entity_id != 'UNRESOLVED' then windows.credited_amount end)
                over (partition by months.month), 0
        ) as partners_won_amount,
        company.company_won_amount,
        -- The average is over whole deals, which after a split belong to the successor with the largest share. Returns
        -- of older wins can exceed new wins.
        case when windows.won_amount > 0 then {{ rate('windows.won_amount', 'windows.deals_won', var('n_min')) }} end as avg_deal,
        case when windows.deals_won >= {{ var('n_min') }} then deal_sizes.median_deal end as median_deal,
        case when windows.cycle_deals >= {{ var('n_min') }} then cycles.cycle_days end as cycle_days,
        {{ rate('windows.closed_won', 'windows.closed', var('n_min')) }} as win_rate_t3m,
        {{ rate('windows.deals_won', 'windows.closed_year', var('n_min')) }} as win_rate_t12m,
        coalesce(reps.producers_before, 0) as producers_before,
        coalesce(reps.producers_kept, 0) as producers_kept,
        coalesce(reps.revenue_at_risk, 0) as revenue_at_risk
    from windows
    inner join months on windows.scope_key = months.scope_key and windows.month = months.month
    left join company on months.month = company.month
    left join deal_sizes on months.scope_key = deal_sizes.scope_key and months.month = deal_sizes.month
    left join cycles on months.scope_key = cycles.scope_key and months.month = cycles.month
    left join {{ ref('int_rep_windows') }} as reps on months.scope_key = reps.scope_key and months.month = reps.month
    where windows.is_wanted
)

select
    scope_key,
    scope,
    entity_id,
    month,
    is_complete,
    has_twelve_months,
    cast(credited_amount as {{ money_type() }}) as won_amount_t12m,
    cast(deals_won as bigint) as deals_won_t12m,
    avg_deal,
    median_deal,
    cast(partners_won_amount as {{ money_type() }}) as partner_share_denominator,
    case
        when scope != 'company' and entity_id != 'UNRESOLVED' and partners_won_amount > 0
            then cast(credited_amount as double) / cast(partners_won_amount as double)
    end as partner_share,
    cast(coalesce(company_won_amount, 0) as {{ money_type() }}) as company_share_denominator,
    case when company_won_amount > 0 then cast(credited_amount as double) / cast(company_won_amount as double) end
        as company_share,
    cast(cycle_deals as bigint) as cycle_deals,
    cast(cycle_days as double) as cycle_days,
    cast(closed_won as bigint) as win_rate_t3m_numerator,
    cast(closed as bigint) as win_rate_t3m_denominator,
    win_rate_t3m,
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
    -- A cycle of less than a day counts as one day.
    open_qualified * win_rate_t12m * avg_deal / cast(case when cycle_days < 1 then 1.0 else cycle_days end as double) as velocity,
    cast(self_run_wins as bigint) as self_run_ratio_numerator,
    cast(logged_wins as bigint) as self_run_ratio_denominator,
    {{ rate('self_run_wins', 'logged_wins', var('n_min')) }} as self_run_ratio,
    cast(producers_kept as bigint) as producer_retention_numerator,
    cast(producers_before as bigint) as producer_retention_denominator,
    {{ rate('producers_kept', 'producers_before') }} as producer_retention,
    cast(revenue_at_risk as {{ money_type() }}) as revenue_at_risk
from measured
