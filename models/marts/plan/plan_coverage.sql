-- Of the focus branches of a quarter: how many had an agreed plan that covers its end, and how many a quarterly business review. A
-- plan of a division or a company is no plan of its branches.
with focus as (
    select focus.*, {{ add_days(add_months('focus.period_start', 3), -1) }} as period_end from {{ ref('int_focus_branches') }} as focus
),

plans as (
    select
        quarters.period_start, versions.entity_id as branch_id,
        max(case when versions.agreed_on <= quarters.as_of then 1 else 0 end) as is_agreed
    from (select distinct period_start, as_of from focus) as quarters
    inner join {{ ref('int_plan_versions') }} as versions
        on
            versions.book = 'today' and versions.scope = 'branch'
            and versions.period_start <= quarters.as_of and versions.period_end >= quarters.as_of
    group by quarters.period_start, versions.entity_id
),

reviews as (
    select
        quarters.period_start, meetings.branch_id, count(*) as qbrs,
        sum(case when meetings.executives > 0 then 1 else 0 end) as executive_qbrs
    from (select distinct period_start from focus) as quarters
    inner join {{ ref('int_qbrs') }} as meetings
        on meetings.month >= quarters.period_start and meetings.month < {{ add_months('quarters.period_start', 3) }}
    where meetings.activity_type = 'qbr' and meetings.is_held
    group by quarters.period_start, meetings.branch_id
),

goals as (
    select
        quarters.period_start, goals.entity_id as branch_id,
        count(distinct goals.goal_id) as goals,
        count(distinct case when goals.goal_type = 'result' then goals.goal_id end) as result_goals
    from (select distinct period_start, as_of from focus) as quarters
    inner join {{ ref('int_plan_goals') }} as goals
        on goals.period_start <= quarters.as_of and goals.period_end >= quarters.as_of
    where goals.book = 'today' and goals.scope = 'branch' and goals.is_kept
    group by quarters.period_start, goals.entity_id
),

counted as (
    select
        bridge.scope, bridge.entity_id, focus.fiscal_year, focus.fiscal_quarter, focus.period_start, focus.as_of, focus.is_complete,
        count(*) as focus_branches,
        sum(case when plans.branch_id is not null then 1 else 0 end) as active_plans,
        sum(coalesce(plans.is_agreed, 0)) as agreed_plans,
        sum(coalesce(goals.goals, 0)) as goals,
        sum(coalesce(goals.result_goals, 0)) as result_goals,
        sum(case when reviews.branch_id is not null then 1 else 0 end) as qbr_branches,
        sum(coalesce(reviews.qbrs, 0)) as qbrs,
        sum(coalesce(reviews.executive_qbrs, 0)) as executive_qbrs
    from focus
    inner join {{ ref('int_scope_bridge') }} as bridge
        on focus.branch_version_id = bridge.branch_version_id and bridge.organisation = 'as_is'
    left join plans on focus.period_start = plans.period_start and focus.branch_id = plans.branch_id
    left join reviews on focus.period_start = reviews.period_start and focus.branch_id = reviews.branch_id
    left join goals on focus.period_start = goals.period_start and focus.branch_id = goals.branch_id
    group by
        bridge.scope, bridge.entity_id, focus.fiscal_year, focus.fiscal_quarter, focus.period_start, focus.as_of, focus.is_complete
)

select
    scope,
    entity_id,
    fiscal_year,
    fiscal_quarter,
    period_start,
    as_of,
    is_complete,
    cast(agreed_plans as bigint) as plan_coverage_numerator,
    cast(focus_branches as bigint) as plan_coverage_denominator,
    {{ rate('agreed_plans', 'focus_branches') }} as plan_coverage,
    cast(agreed_plans as bigint) as agreement_rate_numerator,
    cast(active_plans as bigint) as agreement_rate_denominator,
    {{ rate('agreed_plans', 'active_plans') }} as agreement_rate,
    cast(result_goals as bigint) as goal_maturity_numerator,
    cast(goals as bigint) as goal_maturity_denominator,
    {{ rate('result_goals', 'goals') }} as goal_maturity,
    cast(qbr_branches as bigint) as qbr_coverage_numerator,
    cast(focus_branches as bigint) as qbr_coverage_denominator,
    {{ rate('qbr_branches', 'focus_branches') }} as qbr_coverage,
    cast(executive_qbrs as bigint) as exec_attended_share_numerator,
    cast(qbrs as bigint) as exec_attended_share_denominator,
    {{ rate('executive_qbrs', 'qbrs') }} as exec_attended_share
from counted
