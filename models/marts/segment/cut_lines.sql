select
    halves.fiscal_year,
    halves.fiscal_half,
    lines.period_start,
    halves.is_over,
    lines.version,
    lines.is_in_force,
    lines.axis,
    lines.rule,
    lines.quantile_share,
    lines.cut_value,
    lines.base_start,
    cast(lines.branches as bigint) as branches
from {{ ref('int_cut_lines') }} as lines
inner join {{ ref('int_halves') }} as halves on lines.period_start = halves.period_start
