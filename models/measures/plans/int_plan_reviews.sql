-- Goals of agreed plans in each closed half and year that the plan covers: target and result as known at the close, and as they are today.
with flows as (
    select metric from {{ ref('metrics') }} where model = 'branch_monthly' and is_additive and time_window = 'month'
    union all
    select activity_type as metric from {{ ref('activity_types') }}
),

-- Of a level, the target of the last month counts.
months as (
    select
        goals.*,
        flows.metric is not null as is_flow,
        max(goals.month) over (partition by goals.book, goals.plan_id, goals.goal_id) as last_month
    from {{ ref('int_plan_goals') }} as goals
    inner join {{ ref('int_plan_books') }} as books on goals.book = books.book and books.period_type in ('half', 'year')
    left join flows on goals.metric = flows.metric
    -- A period of which a plan covers a part only has no review of it.
    where goals.period_start <= books.period_start and goals.period_end >= books.period_end
),

goals as (
    select
        book, plan_id, scope, entity_id, goal_id, metric, goal_type, is_flow,
        -- Summed as decimals, because a sum of floats depends on the order of its rows.
        cast(sum(case when is_flow or month = last_month then {{ exact('target') }} end) as double) as target,
        cast(sum(case when is_flow or month = last_month then {{ exact('original_target') }} end) as double) as original_target
    from months
    group by book, plan_id, scope, entity_id, goal_id, metric, goal_type, is_flow
),

members as (
    select book, measure, 'branch' as scope, branch_id as entity_id, amount from {{ ref('int_review_figures') }}
    union all
    select book, measure, 'division' as scope, division_id as entity_id, amount from {{ ref('int_review_figures') }}
    union all
    select book, measure, 'partner' as scope, partner_id as entity_id, amount from {{ ref('int_review_figures') }}
),

results as (
    select book, measure, scope, entity_id, cast(sum(amount) as double) as amount
    from members
    group by book, measure, scope, entity_id
),

-- Today's figures are of the months in which the plan had a goal then.
today as (
    select
        months.book, months.plan_id, months.goal_id,
        cast(sum({{ exact('progress.target') }}) as double) as target,
        case when count(progress.actual) = count(*) then cast(sum({{ exact('progress.actual') }}) as double) end as actual
    from months
    inner join {{ ref('int_plan_progress') }} as progress
        on months.plan_id = progress.plan_id and months.goal_id = progress.goal_id and months.month = progress.month
    where months.is_flow or months.month = months.last_month
    group by months.book, months.plan_id, months.goal_id
)

select
    goals.book,
    goals.plan_id,
    goals.scope,
    goals.entity_id,
    goals.goal_id,
    goals.metric,
    goals.goal_type,
    goals.target,
    goals.original_target,
    -- Only deals and their money have a log of what each extract said.
    case
        when goals.metric in ('deals_new', 'deals_qualified', 'deals_won', 'deals_lost', 'won_amount')
            then coalesce(results.amount, cast(0 as double))
    end as actual,
    today.target as target_now,
    today.actual as actual_now
from goals
left join results
    on
        goals.book = results.book and goals.metric = results.measure and goals.scope = results.scope
        and goals.entity_id = results.entity_id
left join today on goals.book = today.book and goals.plan_id = today.plan_id and goals.goal_id = today.goal_id
