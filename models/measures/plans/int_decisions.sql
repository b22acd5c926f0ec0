-- Decisions that rest on a figure, as they were first delivered: an expectation that was changed later is hindsight. The figure is of
-- the last month that ended before the decision. Counts and money of months are added up from the first month that began after
-- the decision to the last one that ended by expected_by; other metrics are as of that last month. Entities are as of today.
with latest as (
    {{ last_known('decisions', ['decision_id']) }}
),

planned as (
    {{ first_known('decisions', ['decision_id']) }}
),

decided as (
    select
        planned.decision_id, planned.decision, planned.metric, planned.scope,
        coalesce(
            branches.current_branch_id, divisions.current_division_id, partners.current_partner_id,
            case when planned.scope = 'company' then 'ALL' else planned.scope_id end
        ) as entity_id,
        planned.scope_id,
        planned.figure, planned.taken_on, planned.taken_by, planned.expected_value, planned.expected_by, planned.programme_id,
        (
            latest.expected_value is distinct from planned.expected_value
            or latest.expected_by is distinct from planned.expected_by
            or latest.metric is distinct from planned.metric
        ) as is_changed,
        metrics.direction,
        coalesce(metrics.model = 'branch_monthly' and metrics.is_additive and metrics.time_window = 'month', false) as is_flow
    from planned
    inner join latest on planned.decision_id = latest.decision_id
    left join {{ ref('metrics') }} as metrics on planned.metric = metrics.metric
    -- Each join finds one row at most: the entity of today.
    left join {{ ref('dim_branch') }} as branches on case when planned.scope = 'branch' then planned.scope_id end = branches.branch_id
    left join {{ ref('dim_division') }} as divisions
        on case when planned.scope = 'division' then planned.scope_id end = divisions.division_id
    left join {{ ref('dim_partner') }} as partners on case when planned.scope = 'partner' then planned.scope_id end = partners.partner_id
)

select
    decided.*,
    decided.scope != 'company' and decided.entity_id != decided.scope_id as is_reorganised,
    scopes.scope_key,
    scopes.partner_id,
    {{ add_months(month_of('decided.taken_on'), -1) }} as figure_month,
    case
        when decided.taken_on = {{ month_of('decided.taken_on') }} then decided.taken_on
        else {{ add_months(month_of('decided.taken_on'), 1) }}
    end as first_month,
    {{ add_months(month_of(add_days('decided.expected_by', 1)), -1) }} as last_month,
    coalesce(decided.expected_by <= today.as_of, false) as is_over
from decided
cross join {{ ref('int_as_of') }} as today
left join {{ ref('int_scopes') }} as scopes
    on decided.scope = scopes.scope and decided.entity_id = scopes.entity_id and scopes.organisation = 'as_is'
