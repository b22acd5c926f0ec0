-- Quarterly business reviews and regular meetings up to today, with the executives of the partner who came.
with executives as (
    select activity_id, count(*) as executives
    from {{ ref('int_attendance') }}
    where is_attended and attendee_type = 'executive'
    group by activity_id
)

select
    facts.activity_id,
    facts.activity_type,
    facts.branch_id,
    facts.branch_version_id,
    facts.occurred_on,
    facts.occurred_month as month,
    {{ add_days('facts.occurred_on', '-' ~ weekday('facts.occurred_on')) }} as week,
    facts.status = 'held' as is_held,
    coalesce(executives.executives, 0) as executives,
    facts.next_action is not null and facts.next_action_due_on is not null as has_next_action,
    {{ days_between('facts.occurred_on', 'facts.logged_on') }} as logged_lag_days
from {{ ref('fct_activities') }} as facts
cross join {{ ref('int_as_of') }} as today
left join executives on facts.activity_id = executives.activity_id
where facts.activity_type in ('qbr', 'regular_meeting') and facts.occurred_on <= today.as_of
