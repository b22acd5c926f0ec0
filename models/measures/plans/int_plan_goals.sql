-- Goals of agreed plans as known at each book's day, for each month of the plan in the book's period: target as first agreed, and as
-- agreed last. The last agreed version decides which goals a plan has. Months that it does not mention keep the target of the
-- version before. A goal that it leaves out has no current target.
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
        row_number() over (
            partition by book, plan_id, goal_id order by version desc nulls last, month desc nulls last, metric nulls last
        ) as goal_recency,
        max(case when is_current then 1 else 0 end) over (partition by book, plan_id, goal_id) = 1 as is_kept
    from goals
    where month >= {{ month_of('period_start') }} and month <= period_end
),

targets as (
    select
        book, plan_id, goal_id, month,
        cast(max(case when is_original then target end) as double) as original_target,
        cast(max(case when recency = 1 and is_kept then target end) as double) as target
    from ranked
    group by book, plan_id, goal_id, month
),

spans as (
    select {{ month_of('min(period_start)') }} as first_month, {{ month_of('max(period_end)') }} as last_month from plans
),

months as (
    {{ date_series('(select first_month from spans)', '(select last_month from spans)', 'month', 'month') }}
)

select
    ranked.book,
    ranked.plan_id,
    ranked.scope,
    ranked.entity_id,
    ranked.period_start,
    ranked.period_end,
    ranked.goal_id,
    ranked.metric,
    ranked.goal_type,
    months.month,
    ranked.is_kept,
    targets.original_target,
    targets.target
from ranked
inner join {{ ref('int_plan_books') }} as books on ranked.book = books.book
inner join months
    on
        months.month >= {{ month_of('greatest(ranked.period_start, coalesce(books.period_start, ranked.period_start))') }}
        and months.month <= least(ranked.period_end, coalesce(books.period_end, ranked.period_end))
left join targets
    on
        ranked.book = targets.book and ranked.plan_id = targets.plan_id and ranked.goal_id = targets.goal_id
        and months.month = targets.month
where ranked.goal_recency = 1
