with rostered as (
    {{ last_known('staff', ['staff_id']) }}
)

select staff_id, staff_name, team, mission, monthly_hours, support_hours_per_week
from rostered
