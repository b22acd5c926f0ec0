-- Goals of each version of a plan, agreed or not, and their money.
with known_goals as (
    {{ last_known('plan_goals', ['goal_id', 'version', 'month']) }}
)

select
    plan_id,
    version,
    count(distinct goal_id) as goals,
    count(distinct case when goal_type = 'result' then goal_id end) as result_goals,
    sum(case when metric = 'won_amount' then target end) as won_amount_target
from known_goals
where unlisted_on is null
group by plan_id, version
