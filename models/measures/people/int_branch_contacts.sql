-- The last live touch of each branch of today, and the next action that was agreed last, if it is not done.
with touches as (
    select
        branch_id_current as branch_id, activity_id, occurred_on, is_live, next_action, next_action_due_on, next_action_done_on
    from {{ ref('fct_activities') }}
    where status = 'held' and occurred_on <= (select as_of from {{ ref('int_as_of') }})
),

last_touches as (
    select branch_id, max(occurred_on) as last_touch_on from touches where is_live group by branch_id
),

agreed as (
    select
        branch_id, next_action, next_action_due_on, next_action_done_on,
        row_number() over (
            partition by branch_id order by occurred_on desc nulls last, next_action_due_on desc nulls last, activity_id nulls last
        ) as recency
    from touches
    where next_action is not null
)

select
    branches.branch_id,
    last_touches.last_touch_on,
    agreed.next_action,
    agreed.next_action_due_on
from {{ ref('int_open_branches') }} as branches
left join last_touches on branches.branch_id = last_touches.branch_id
left join agreed
    on branches.branch_id = agreed.branch_id and agreed.recency = 1 and agreed.next_action_done_on is null
