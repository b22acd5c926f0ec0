-- Reps who attended a study session with a branch in the twelve months up to a month, whether one was in the current
-- fiscal year, and whether they won a deal in those months.
with sessions as (
    select
        attendance.rep_id,
        attendance.branch_id,
        attendance.branch_version_id,
        attendance.occurred_month as month,
        {{ fiscal_year('attendance.occurred_on') }} as fiscal_year
    from {{ ref('fct_attendance') }} as attendance
    inner join {{ ref('fct_activities') }} as activities on attendance.activity_id = activities.activity_id
    where
        activities.activity_type = 'study_session'
        and attendance.is_attended
        and attendance.rep_id is not null
        and attendance.branch_id is not null
),

trained as (
    select
        sessions.rep_id,
        sessions.branch_id,
        sessions.branch_version_id,
        months.month,
        max(case when sessions.fiscal_year = {{ fiscal_year('months.month') }} then 1 else 0 end) = 1 as is_this_fiscal_year
    from sessions
    inner join {{ ref('int_months') }} as months
        on sessions.month <= months.month and sessions.month > {{ add_months('months.month', -12) }}
    group by sessions.rep_id, sessions.branch_id, sessions.branch_version_id, months.month
),

producing as (
    select distinct rep_id, month from {{ ref('int_producing_reps') }}
)

select trained.*, producing.rep_id is not null as is_producing
from trained
left join producing on trained.rep_id = producing.rep_id and trained.month = producing.month
