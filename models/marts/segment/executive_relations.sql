-- The relationship with each partner's executives: what a person rated by the rubric, next to what took place.
with met as (
    select
        branches.current_partner_id as partner_id,
        max(attendance.occurred_on) as last_met_on,
        count(distinct case
            when attendance.occurred_on > {{ add_months('today.as_of', -12) }} then attendance.activity_id
        end) as meetings,
        count(distinct case
            when activities.activity_type = 'qbr' and attendance.occurred_on > {{ add_months('today.as_of', -12) }}
                then attendance.activity_id
        end) as qbrs
    from {{ ref('fct_attendance') }} as attendance
    inner join {{ ref('fct_activities') }} as activities on attendance.activity_id = activities.activity_id
    inner join {{ ref('dim_branch') }} as branches on activities.branch_id = branches.branch_id
    cross join {{ ref('int_as_of') }} as today
    where attendance.attendee_type = 'executive' and attendance.is_attended and attendance.occurred_on <= today.as_of
    group by branches.current_partner_id
),

rated as (
    select relations.partner_id, relations.level, relations.rated_on, relations.rated_by, relations.reason
    from {{ ref('int_executive_relations') }} as relations
    cross join {{ ref('int_as_of') }} as today
    where {{ is_within('today.as_of', 'relations.rated_on', 'relations.valid_to') }}
)

select
    partners.partner_id,
    partners.partner_name,
    cast(rated.level as integer) as executive_level,
    rubric.meaning,
    rubric.meaning_ja,
    rated.rated_on,
    cast({{ days_between('rated.rated_on', 'today.as_of') }} as bigint) as rated_days,
    {{ fiscal_year('rated.rated_on') }} = {{ fiscal_year('today.as_of') }} as is_of_this_year,
    rated.rated_by,
    rated.reason,
    met.last_met_on,
    coalesce(met.meetings, 0) as executive_meetings,
    coalesce(met.qbrs, 0) as executive_qbrs
from {{ ref('dim_partner') }} as partners
cross join {{ ref('int_as_of') }} as today
left join rated on partners.partner_id = rated.partner_id
left join {{ ref('executive_rubric') }} as rubric on rated.level = rubric.level
left join met on partners.partner_id = met.partner_id
where not partners.is_sentinel and (rated.partner_id is not null or met.partner_id is not null)
