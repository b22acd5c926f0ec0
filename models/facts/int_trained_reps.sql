{{ config(schema='intermediate') }}

-- The first study session of a rep with a branch in each fiscal year: from that month on the rep counts as trained in it.
select
    attendance.rep_id,
    attendance.branch_id,
    {{ fiscal_year('attendance.occurred_on') }} as fiscal_year,
    min(attendance.occurred_month) as month
from {{ ref('fct_attendance') }} as attendance
inner join {{ ref('fct_activities') }} as sessions on attendance.activity_id = sessions.activity_id
where
    sessions.activity_type = 'study_session'
    and attendance.is_attended
    and attendance.rep_id is not null
    and attendance.branch_id is not null
group by attendance.rep_id, attendance.branch_id, {{ fiscal_year('attendance.occurred_on') }}
