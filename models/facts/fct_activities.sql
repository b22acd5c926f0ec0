with activities as (
    select
        activities.*,
        coalesce(done_on, {{ business_date('occurred_at') }}) as occurred_on,
        coalesce({{ business_date('logged_at') }}, extracted_on) as logged_on
    from {{ ref('stg_logged_activities') }} as activities
),

attendance as (
    select
        activity_id,
        count(distinct case when is_attended then rep_id end) as reps_attended,
        case when min(branch_id) = max(branch_id) then min(branch_id) end as attending_branch_id
    from {{ ref('int_attendance') }}
    group by activity_id
),

-- The branch that the activity names, otherwise the only one whose reps took part, otherwise its deal's, otherwise the
-- partner's unknown branch.
placed as (
    select
        activities.*,
        coalesce(attendance.reps_attended, 0) as reps_attended,
        coalesce(
            named.branch_id,
            attendance.attending_branch_id,
            deals.branch_id,
            case when partners.partner_id is not null then {{ dbt.concat(["'UNKNOWN:'", "partners.partner_id"]) }} end,
            'UNRESOLVED'
        ) as resolved_branch_id
    from activities
    left join attendance on activities.activity_id = attendance.activity_id
    left join {{ ref('dim_branch') }} as named on activities.branch_id = named.branch_id and not named.is_sentinel
    left join {{ ref('dim_partner') }} as partners
        on activities.partner_id = partners.partner_id and not partners.is_sentinel
    left join {{ ref('fct_deals') }} as deals on activities.deal_id = deals.deal_id
)

select
    placed.activity_id,
    placed.activity_type,
    placed.occurred_on,
    {{ month_of('placed.occurred_on') }} as occurred_month,
    placed.logged_on,
    placed.logged_at is null and placed.worklist_on is null as is_logged_on_assumed,
    placed.resolved_branch_id as branch_id,
    versions.branch_version_id,
    branches.current_branch_id as branch_id_current,
    versions.partner_id,
    placed.deal_id,
    placed.programme_id,
    placed.staff_id,
    coalesce(placed.duration_minutes, types.default_minutes) as duration_minutes,
    placed.duration_minutes is null as is_duration_assumed,
    coalesce(types.is_live, false) and not coalesce(placed.is_mass, false) as is_live,
    coalesce(placed.is_mass, false) as is_mass,
    coalesce(placed.status, 'held') as status,
    placed.reps_attended,
    placed.note,
    case when placed.note is not null then coalesce(placed.note_audience, '{{ var("note_audience") }}') end as note_audience,
    placed.next_action,
    placed.next_action_due_on,
    placed.next_action_done_on,
    placed.worklist_on,
    coalesce(types.is_meeting, false) as is_meeting
from placed
left join {{ ref('activity_types') }} as types on placed.activity_type = types.activity_type
left join {{ ref('dim_branch') }} as branches on placed.resolved_branch_id = branches.branch_id
left join {{ ref('int_branch_versions') }} as versions
    on
        placed.resolved_branch_id = versions.branch_id
        and {{ is_within('placed.occurred_on', 'versions.covers_from', 'versions.valid_to') }}
