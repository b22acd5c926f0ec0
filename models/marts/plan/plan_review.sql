-- Reviews of agreed plans for each closed fiscal half and year. What was known at the close stays as it was; columns that end with
-- _now are as of today.
with books as (
    select * from {{ ref('int_plan_books') }} where period_type in ('half', 'year')
),

plans as (
    select * from {{ ref('int_plan_versions') }} where is_current
),

goals as (
    select
        book, plan_id,
        count(target) as goals,
        count(case when target is not null and actual is not null then 1 end) as measured_goals,
        count(case when actual >= target then 1 end) as reached_goals,
        max(case when metric = 'won_amount' then target end) as target_amount,
        max(case when metric = 'won_amount' then original_target end) as original_target_amount,
        max(case when metric = 'won_amount' then actual end) as actual_amount,
        max(case when metric = 'won_amount' then target_now end) as target_amount_now,
        max(case when metric = 'won_amount' then actual_now end) as actual_amount_now
    from {{ ref('int_plan_reviews') }}
    group by book, plan_id
),

actions as (
    select
        book, plan_id,
        sum(case when status != 'cancelled' then 1 else 0 end) as due,
        sum(case when status in ('on_time', 'late') then 1 else 0 end) as done,
        sum(case when status = 'on_time' then 1 else 0 end) as on_time
    from {{ ref('int_plan_actions') }}
    group by book, plan_id
),

-- What was due in the period and is done by now.
actions_now as (
    select books.book, actions.plan_id, sum(case when actions.status in ('on_time', 'late') then 1 else 0 end) as done
    from books
    inner join {{ ref('int_plan_actions') }} as actions
        on actions.book = 'today' and actions.due_on >= books.period_start and actions.due_on <= books.period_end
    group by books.book, actions.plan_id
),

lessons as (
    select
        versions.plan_id, max(versions.lessons) as lessons, min(next_plans.plan_id) as next_plan_id
    from {{ ref('int_plan_versions') }} as versions
    left join {{ ref('int_plan_versions') }} as next_plans
        on versions.plan_id = next_plans.follows_plan_id and next_plans.book = 'today'
    where versions.book = 'today' and versions.is_latest
    group by versions.plan_id
)

select
    {{ dbt.concat(['plans.plan_id', "' '", 'plans.book']) }} as review_id,
    plans.plan_id,
    plans.scope,
    plans.entity_id,
    case when plans.scope = 'branch' then plans.entity_id end as branch_id,
    books.period_type,
    {{ fiscal_year('books.period_start') }} as fiscal_year,
    books.period_start,
    books.period_end,
    books.as_of as closed_on,
    books.known_on,
    plans.version as plan_version,
    cast(coalesce(goals.goals, 0) as bigint) as goals,
    cast(coalesce(goals.measured_goals, 0) as bigint) as measured_goals,
    cast(coalesce(goals.reached_goals, 0) as bigint) as reached_goals,
    {{ round_money('goals.target_amount') }} as review_target_amount,
    {{ round_money('goals.original_target_amount') }} as review_original_target_amount,
    {{ round_money('goals.actual_amount') }} as review_actual_amount,
    case when goals.target_amount != 0 then goals.actual_amount / goals.target_amount end as review_attainment,
    cast(coalesce(actions.due, 0) as bigint) as actions_due,
    cast(coalesce(actions.done, 0) as bigint) as actions_done,
    cast(coalesce(actions.on_time, 0) as bigint) as actions_on_time,
    {{ round_money('goals.target_amount_now') }} as target_amount_now,
    {{ round_money('goals.actual_amount_now') }} as actual_amount_now,
    {{ round_money('goals.actual_amount_now - goals.actual_amount') }} as corrected_amount_now,
    cast(coalesce(actions_now.done, 0) as bigint) as actions_done_now,
    lessons.lessons as lessons_now,
    lessons.next_plan_id as next_plan_id_now
from plans
inner join books on plans.book = books.book
left join goals on plans.book = goals.book and plans.plan_id = goals.plan_id
left join actions on plans.book = actions.book and plans.plan_id = actions.plan_id
left join actions_now on plans.book = actions_now.book and plans.plan_id = actions_now.plan_id
left join lessons on plans.plan_id = lessons.plan_id
where plans.period_start <= books.period_start and plans.period_end >= books.period_end
