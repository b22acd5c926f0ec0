-- branch_monthly on today's branches: what was a branch's is its successor's, money by the weights of a split.
with months as (
    select distinct successors.branch_id_current as scope_id, months.month
    from {{ ref('int_branch_months') }} as months
    inner join {{ ref('int_branch_successors') }} as successors on months.branch_id = successors.branch_id
),

{{ monthly_kpis('months', 'current_branch_id') }}

select
    measured.scope_id as branch_id,
    branches.current_partner_id as partner_id,
    measured.month,
    {{ monthly_kpi_columns() }}
from measured
left join {{ ref('dim_branch') }} as branches on measured.scope_id = branches.branch_id
