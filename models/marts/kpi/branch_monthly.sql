with months as (
    select branch_id as scope_id, month, partner_id from {{ ref('int_branch_months') }}
),

{{ monthly_kpis('months', 'branch_id') }}

select
    measured.scope_id as branch_id,
    branches.partner_id,
    measured.month,
    {{ monthly_kpi_columns() }}
from measured
left join {{ ref('dim_branch') }} as branches on measured.scope_id = branches.branch_id
