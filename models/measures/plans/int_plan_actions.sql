-- Actions of account plans as known at each book's day, with their plan's entity. An action is late if it was done after its day, and
-- overdue if that day has passed and it is not done. A cancelled action is neither due nor overdue. A book that closed has
-- the actions that were due in its period.
with known_actions as (
    select
        books.book,
        books.as_of,
        actions.*,
        row_number() over (
            partition by books.book, actions.action_id
            order by actions.extracted_on desc nulls last, actions.source_name, actions.file_name, actions.row_number
        ) as latest_extract
    from {{ ref('stg_plan_actions') }} as actions
    inner join {{ ref('int_plan_books') }} as books
        on
            {{ is_known_at('actions', 'books.known_until') }}
            and (books.book = 'today' or (actions.due_on >= books.period_start and actions.due_on <= books.period_end))
),

plans as (
    select
        book, plan_id, scope, entity_id, owner_staff_id,
        max(case when is_agreed then 1 else 0 end) over (partition by book, plan_id) = 1 as is_agreed,
        is_latest
    from {{ ref('int_plan_versions') }}
),

-- An activity that was held shows that the action was done. Activities have no earlier state, so they count today only.
dated as (
    select
        actions.*,
        plans.scope, plans.entity_id, plans.is_agreed, plans.owner_staff_id,
        case
            when actions.done_on <= actions.as_of then actions.done_on
            when activities.occurred_on <= actions.as_of then activities.occurred_on
        end as happened_on
    from known_actions as actions
    inner join plans on actions.book = plans.book and actions.plan_id = plans.plan_id and plans.is_latest
    left join {{ ref('fct_activities') }} as activities
        -- With the book as a condition of its own, DuckDB would compare each action with each activity.
        on case when actions.book = 'today' then actions.activity_id end = activities.activity_id and activities.status = 'held'
    where actions.latest_extract = 1
)

select
    book,
    action_id,
    plan_id,
    goal_id,
    scope,
    entity_id,
    is_agreed,
    owner_staff_id,
    action_type,
    owner_side,
    due_on,
    {{ month_of('due_on') }} as due_month,
    {{ add_days('due_on', '-' ~ weekday('due_on')) }} as due_week,
    happened_on as done_on,
    activity_id,
    status as source_status,
    case
        when happened_on <= due_on then 'on_time'
        when happened_on is not null then 'late'
        when lower(status) in ('cancelled', 'canceled', 'withdrawn', '中止', '取消', '取り下げ') then 'cancelled'
        when due_on < as_of then 'overdue'
        else 'open'
    end as status,
    as_of
from dated
