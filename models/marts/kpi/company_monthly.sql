with months as (
    select 'ALL' as scope_id, month from {{ ref('int_months') }}
),

{{ monthly_kpis('months', "'ALL'") }}

select
    measured.month,
    {{ monthly_kpi_columns() }},
    measured.won_amount_direct,
    measured.won_amount_indirect,
    measured.won_amount_unresolved,
    measured.won_amount_indirect as indirect_ratio_numerator,
    cast(measured.won_amount_indirect + measured.won_amount_direct as {{ money_type() }}) as indirect_ratio_denominator,
    -- Money without a partner is on neither side; it is shown beside the ratio.
    case
        when measured.won_amount_indirect + measured.won_amount_direct > 0
            then cast(measured.won_amount_indirect as double) / (measured.won_amount_indirect + measured.won_amount_direct)
    end as indirect_ratio
from measured
