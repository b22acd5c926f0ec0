-- Fails when an account manager has more hours of work on the activation worklist than the week has, when branches with high
-- potential and no result do not come first, or when a branch is listed that has no account manager. A list that nobody can work
-- off is no list.
{{ config(meta={'dagster': {'ref': {'name': 'activation_worklist'}}}) }}

with lists as (
    select
        account_manager_id, sum(action_hours) as hours, max(capacity_hours) as capacity_hours, count(*) as branches,
        max(list_rank) as last_rank,
        max(case when list_priority = 1 then action_hours end) as longest,
        max(case when list_rank = 1 then list_priority end) as first_priority
    from {{ ref('activation_worklist') }}
    group by account_manager_id
)
select 'more hours than the week has' as problem, account_manager_id, hours, capacity_hours
from lists
where account_manager_id is null or hours > capacity_hours or branches != last_rank
union all
-- At least the first one fits into the part for activation, if none is longer than it.
select 'high potential without a result does not lead' as problem, account_manager_id, longest, capacity_hours
from lists
where longest <= {{ var('activation_share') }} * capacity_hours and coalesce(first_priority, 0) != 1
