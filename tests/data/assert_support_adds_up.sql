-- Fails when the money of account managers is not that of the partners, when shares of effort, potential, result or target do not add
-- up to one, or when hours and money of the partners are not the same as the company has.
{{ config(meta={'dagster': {'ref': {'name': 'support_effort'}}}) }}

with managers as (
    select period_start, sum(covered_won_amount) as amount
    from {{ ref('manager_productivity') }}
    group by period_start
),

ledger as (
    select quarters.first_month as period_start, sum(revenue.amount) as amount
    from {{ ref('fct_revenue') }} as revenue
    inner join ({{ fiscal_periods('quarter') }}) as quarters
        on revenue.recognized_month >= quarters.first_month and revenue.recognized_month < quarters.next_month
    where revenue.is_counted and revenue.channel_class = 'indirect'
    group by quarters.first_month
),

branches as (
    select
        period_type, period_start, sum(potential_share) as potential_share, sum(target_share) as target_share
    from {{ ref('support_effort') }}
    where scope = 'branch'
    group by period_type, period_start
),

partners as (
    select period_type, period_start, sum(support_hours) as hours, sum(support_won_amount) as amount
    from {{ ref('support_effort') }}
    where scope = 'partner'
    group by period_type, period_start
)

select 'account managers and ledger differ' as problem, ledger.period_start, ledger.amount as wanted, managers.amount as found
from ledger
left join managers on ledger.period_start = managers.period_start
where coalesce(managers.amount, 0) != ledger.amount
union all
select 'shares of branches do not add up to one', period_start, 1, coalesce(target_share, 0)
from branches
where abs(potential_share - 1) > 0.000001 or abs(target_share - 1) > 0.000001
union all
select 'partners and company differ', company.period_start, company.support_won_amount, partners.amount
from {{ ref('support_effort') }} as company
left join partners on company.period_type = partners.period_type and company.period_start = partners.period_start
where
    company.scope = 'company'
    and (abs(company.support_hours - partners.hours) > 0.001 or company.support_won_amount != partners.amount)
