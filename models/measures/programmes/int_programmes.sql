-- Programmes, with their plan as it was first delivered. A plan that was changed later is not what was expected.
with latest as (
    {{ last_known('programmes', ['programme_id']) }}
),

planned as (
    {{ first_known('programmes', ['programme_id']) }}
)

select
    latest.programme_id,
    latest.programme_name,
    latest.kind,
    latest.horizon,
    latest.started_on,
    {{ month_of('latest.started_on') }} as started_month,
    latest.ended_on,
    planned.planned_cost,
    {{ month_of('planned.planned_payback_month') }} as planned_payback_month,
    planned.expected_margin,
    planned.expected_side_effects,
    planned.decision_memo,
    (
        latest.planned_cost is distinct from planned.planned_cost
        or latest.planned_payback_month is distinct from planned.planned_payback_month
        or latest.expected_margin is distinct from planned.expected_margin
        or latest.expected_side_effects is distinct from planned.expected_side_effects
        or latest.decision_memo is distinct from planned.decision_memo
    ) as is_plan_changed
from latest
inner join planned on latest.programme_id = planned.programme_id
