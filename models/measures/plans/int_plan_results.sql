-- Monthly figures of what has a goal, on today's organisation. A flow can be added up over months: sums over deals, and held
-- activities of the type that the goal names. A level is a state at the end of the month.
with asked as (
    select distinct goals.metric, goals.scope, goals.entity_id, scopes.scope_key
    from {{ ref('int_plan_goals') }} as goals
    inner join {{ ref('int_scopes') }} as scopes
        on goals.scope = scopes.scope and goals.entity_id = scopes.entity_id and scopes.organisation = 'as_is'
    cross join {{ ref('int_as_of') }} as today
    -- A branch that has closed, or a partner that another one took over, has no results today.
    where goals.book = 'today' and scopes.closed_on > today.as_of
),

activities as (
    select bridge.scope_key, facts.activity_type, facts.occurred_month as month, count(*) as activities
    from {{ ref('fct_activities') }} as facts
    inner join {{ ref('int_scope_bridge') }} as bridge
        on facts.branch_version_id = bridge.branch_version_id and bridge.organisation = 'as_is'
    where facts.status = 'held' and facts.activity_type in (select metric from asked)
    group by bridge.scope_key, facts.activity_type, facts.occurred_month
)

select
    asked.metric,
    asked.scope,
    asked.entity_id,
    months.month,
    types.activity_type is not null
    or coalesce(metrics.model = 'branch_monthly' and metrics.is_additive and metrics.time_window = 'month', false) as is_flow,
    case
        {{ additive_metrics("when asked.metric = 'METRIC' then cast(months.METRIC as double)", separator='') }}
        when asked.metric = 'reps_contacted' then cast(months.reps_contacted as double)
        when asked.metric = 'headcount' then cast(months.headcount as double)
        when asked.metric = 'reps_known' then cast(months.reps_known as double)
        when asked.metric = 'reps_contactable' then cast(months.reps_contactable as double)
        when asked.metric = 'reps_trained' then cast(months.reps_trained as double)
        when asked.metric = 'reps_active' then cast(months.reps_active as double)
        when asked.metric = 'reps_producing_t12m' then cast(months.reps_producing_t12m as double)
        when asked.metric = 'rep_penetration' then months.rep_penetration
        when types.activity_type is not null then cast(coalesce(activities.activities, 0) as double)
    end as actual
from asked
inner join {{ ref('int_monthly') }} as months on asked.scope_key = months.scope_key
left join {{ ref('activity_types') }} as types on asked.metric = types.activity_type
left join {{ ref('metrics') }} as metrics on asked.metric = metrics.metric
left join activities
    on
        asked.scope_key = activities.scope_key and asked.metric = activities.activity_type
        and months.month = activities.month
