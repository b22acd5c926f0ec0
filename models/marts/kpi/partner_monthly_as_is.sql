-- partner_monthly on today's organisation: a branch counts with the partner that has it now, a merged partner with its successor.
with first_months as (
    select partner_id, min(month) as first_month from {{ ref('branch_monthly_as_is') }} group by partner_id
),

months as (
    select first_months.partner_id as scope_id, months.month
    from first_months
    inner join {{ ref('int_months') }} as months on months.month >= first_months.first_month
),

{{ monthly_kpis('months', 'current_partner_id') }}

select
    measured.scope_id as partner_id,
    measured.month,
    {{ monthly_kpi_columns() }}
from measured
