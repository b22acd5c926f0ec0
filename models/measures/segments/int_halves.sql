-- Fiscal halves with data, with their last day (today in the running half) and the half before.
select
    periods.fiscal_year,
    periods.fiscal_half,
    periods.first_month as period_start,
    least({{ add_days('periods.next_month', -1) }}, today.as_of) as period_end,
    periods.is_complete,
    {{ is_over('periods.next_month') }} as is_over,
    lag(periods.first_month) over (order by periods.first_month nulls last) as previous_start,
    lead(periods.first_month) over (order by periods.first_month nulls last) as next_start
from ({{ fiscal_periods('half') }}) as periods
cross join {{ ref('int_as_of') }} as today
