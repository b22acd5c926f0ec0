{{ config(schema='intermediate') }}

-- Reps who have come to a study session with a branch: from its month to the end of the fiscal year they count as trained there.
with sessions as (
    select
        attendance.rep_id,
        attendance.branch_id,
        {{ fiscal_year('attendance.occurred_on') }} as fiscal_year,
        min(attendance.occurred_month) as first_month
    from {{ ref('fct_attendance') }} as attendance
    inner join {{ ref('fct_activities') }} as activities on attendance.activity_id = activities.activity_id
    where
        activities.activity_type = 'study_session'
        and attendance.is_attended
        and attendance.rep_id is not null
        and attendance.branch_id is not null
    group by attendance.rep_id, attendance.branch_id, {{ fiscal_year('attendance.occurred_on') }}
)

select sessions.rep_id, sessions.branch_id, months.month
from sessions
inner join {{ ref('int_months') }} as months
    on sessions.first_month <= months.month and sessions.fiscal_year = {{ fiscal_year('months.month') }}
