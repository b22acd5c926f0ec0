-- What the vendor's support was by branch version and month: hours, meetings with their next actions, and how it was logged. Mass
-- mailings are no conversation, so nobody logs a next step of them.
select
    branch_version_id,
    occurred_month as month,
    count(*) as activities,
    sum(duration_minutes) as minutes,
    sum(case when is_duration_assumed then duration_minutes else 0 end) as assumed_minutes,
    sum(case when is_meeting then 1 else 0 end) as meetings,
    sum(case when is_meeting then duration_minutes else 0 end) as meeting_minutes,
    sum(case when is_meeting and next_action_done_on is not null then 1 else 0 end) as meeting_actions_done,
    sum(case when is_live then 1 else 0 end) as conversations,
    sum(case when is_live and note is not null and next_action is not null then 1 else 0 end) as conversations_logged,
    sum(case when is_live and not is_logged_on_assumed then 1 else 0 end) as conversations_dated,
    sum(case when is_live and not is_logged_on_assumed then {{ days_between('occurred_on', 'logged_on') }} else 0 end) as lag_days
from {{ ref('fct_activities') }}
where status = 'held' and partner_id not in ('DIRECT', 'UNRESOLVED') and occurred_on <= (select as_of from {{ ref('int_as_of') }})
group by branch_version_id, occurred_month
