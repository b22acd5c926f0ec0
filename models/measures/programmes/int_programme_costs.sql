-- Cost of a programme by month, up to today.
with latest as (
    {{ last_known('programme_costs', ['programme_id', 'month', 'cost_kind']) }}
)

select
    latest.programme_id,
    {{ month_of('latest.month') }} as month,
    cast(sum(latest.amount) as {{ money_type() }}) as cost
from latest
cross join {{ ref('int_as_of') }} as today
where latest.month <= today.as_of
group by latest.programme_id, {{ month_of('latest.month') }}
