-- A branch that has changed hands leaves months with its former partner, so the facts have a say in which months there are.
with first_months as (
    select partner_id, min(month) as first_month
    from (
        select partner_id, month from {{ ref('int_branch_months') }}
        union all
        select partner_id, month from {{ ref('rep_monthly') }}
    ) as mentioned
    group by partner_id
),

months as (
    select first_months.partner_id as scope_id, months.month
    from first_months
    inner join {{ ref('int_months') }} as months on months.month >= first_months.first_month
),

{{ monthly_kpis('months', 'partner_id') }}

select
    measured.scope_id as partner_id,
    measured.month,
    {{ monthly_kpi_columns() }}
from measured
