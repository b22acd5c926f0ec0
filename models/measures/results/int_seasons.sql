-- Share of each month in the company's year, for counts and money, as known when a fiscal year begins: of the three complete
-- fiscal years before it. Later years were not known then.
with months as (
    select months.*, {{ fiscal_year('months.month') }} as fiscal_year
    from {{ ref('int_monthly') }} as months
    inner join {{ ref('int_scopes') }} as scopes on months.scope_key = scopes.scope_key
    where scopes.organisation = 'as_was' and scopes.scope = 'company' and months.is_complete
),

company as (
    select
        metrics.metric,
        months.month,
        months.fiscal_year,
        case metrics.metric
            {{ additive_metrics("when 'METRIC' then cast(months.METRIC as double)", separator='') }}
        end as amount,
        count(*) over (partition by metrics.metric, months.fiscal_year) as months_recorded
    from {{ ref('metrics') }} as metrics
    cross join months
    where metrics.model = 'branch_monthly' and metrics.is_additive and metrics.time_window = 'month'
),

sums as (
    select
        company.metric,
        company.fiscal_year + years.n as start_year,
        {{ fiscal_month('company.month') }} as fiscal_month,
        sum(company.amount) as amount
    from company
    cross join ({{ whole_numbers(1, 3) }}) as years
    where company.months_recorded = 12
    group by company.metric, company.fiscal_year + years.n, {{ fiscal_month('company.month') }}
)

select
    metric,
    cast(start_year as integer) as start_year,
    fiscal_month,
    case
        when sum(amount) over (partition by metric, start_year) > 0
            then amount / sum(amount) over (partition by metric, start_year)
    end as share
from sums
