-- Targets of agreed plans as known at each book's day, by goal and month: as first agreed, and as agreed last. The last agreed version
-- decides which goals a plan has. Months that it does not mention keep the target of the version before. A goal that it leaves
-- out has no current target.
with known_goals as (
    select
        books.book, goals.goal_id, goals.plan_id, goals.version, goals.metric, goals.goal_type, goals.month, goals.target,
        row_number() over (
            partition by books.book, goals.goal_id, goals.version, goals.month
            order by goals.extracted_on desc nulls last, goals.source_name, goals.file_name, goals.row_number
        ) as latest_extract
    from {{ ref('stg_plan_goals') }} as goals
    inner join {{ ref('int_plan_books') }} as books
        on
            {{ is_known_at('goals', 'books.known_until') }}
            and (books.book = 'today' or (goals.month >= books.period_start and goals.month <= books.period_end))
),

plans as (
    select book, plan_id, period_start, period_end from {{ ref('int_plan_versions') }} where is_current
),

goals as (
    select
        goals.book,
        versions.plan_id,
        versions.scope,
        versions.entity_id,
        plans.period_start,
        plans.period_end,
        goals.goal_id,
        goals.metric,
        goals.goal_type,
        {{ month_of('goals.month') }} as month,
        versions.version,
        versions.is_original,
        versions.is_current,
        sum(goals.target) as target
    from known_goals as goals
    inner join {{ ref('int_plan_versions') }} as versions
        on
            goals.book = versions.book and goals.plan_id = versions.plan_id and goals.version = versions.version
            and versions.is_agreed
    inner join plans on goals.book = plans.book and goals.plan_id = plans.plan_id
    where goals.latest_extract = 1
    group by
        goals.book, versions.plan_id, versions.scope, versions.entity_id, plans.period_start, plans.period_end, goals.goal_id,
        goals.metric, goals.goal_type, {{ month_of('goals.month') }}, versions.version, versions.is_original, versions.is_current
),

ranked as (
    select
        *,
        row_number() over (
            partition by book, plan_id, goal_id, month order by version desc nulls last, metric nulls last, goal_type nulls last
        ) as recency,
        max(case when is_current then 1 else 0 end) over (partition by book, plan_id, goal_id) = 1 as is_kept
    from goals
    where month >= {{ month_of('period_start') }} and month <= period_end
)

select
    book,
    plan_id,
    scope,
    entity_id,
    period_start,
    period_end,
    goal_id,
    max(case when recency = 1 then metric end) as metric,
    max(case when recency = 1 then goal_type end) as goal_type,
    month,
    max(case when is_kept then 1 else 0 end) = 1 as is_kept,
    cast(max(case when is_original then target end) as double) as original_target,
    cast(max(case when recency = 1 and is_kept then target end) as double) as target
from ranked
group by book, plan_id, scope, entity_id, period_start, period_end, goal_id, month
