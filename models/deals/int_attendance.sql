-- Attendees of activities, at the rep's branch of that day. Attribution uses it for suggestions, so it comes before the
-- facts.
with activities as (
    select
        activity_id, activity_type, deal_id, coalesce(done_on, {{ business_date('occurred_at') }}) as occurred_on, status,
        is_mass, is_two_way
    from {{ ref('stg_logged_activities') }}
),

attendees as (
    select
        attendees.activity_id,
        attendees.attendee_id,
        attendees.attendee_type,
        attendees.rep_id,
        -- An address is looked up only where no id is given. The condition is here, because in the join it would
        -- prevent a hash join.
        case when attendees.rep_id is null then {{ email_address('attendees.rep_email') }} end as rep_email,
        attendees.attendance,
        activities.deal_id,
        activities.occurred_on,
        coalesce(activities.status, 'held') = 'held'
        and coalesce(attendees.attendance, 'attended') = 'attended' as is_attended,
        -- A mass mailing reaches no single person.
        types.is_live and not coalesce(activities.is_mass, false) as is_live_touch,
        coalesce(activities.is_two_way, types.is_two_way) and not coalesce(activities.is_mass, false) as is_two_way_touch
    from {{ ref('stg_logged_attendees') }} as attendees
    inner join activities on attendees.activity_id = activities.activity_id
    left join {{ ref('activity_types') }} as types on activities.activity_type = types.activity_type
),

-- One rep per address and day. An address of several reps identifies none of them.
address_owners as (
    select
        addresses.rep_email,
        addresses.occurred_on,
        min(points.owner_id) as rep_id
    from (
        select distinct rep_email, occurred_on from attendees where rep_email is not null
    ) as addresses
    inner join {{ ref('int_contact_points') }} as points
        on
            addresses.rep_email = points.address
            and points.kind = 'email'
            and points.owner_type = 'rep'
            and {{ is_within('addresses.occurred_on', 'points.valid_from', 'points.valid_to') }}
    group by addresses.rep_email, addresses.occurred_on
    having count(distinct points.owner_id) = 1
),

identified as (
    select
        attendees.*,
        coalesce(attendees.rep_id, address_owners.rep_id) as known_rep_id
    from attendees
    left join address_owners
        on
            attendees.rep_email = address_owners.rep_email
            and attendees.occurred_on = address_owners.occurred_on
)

select
    identified.activity_id,
    identified.attendee_id,
    identified.attendee_type,
    reps.rep_id,
    posts.branch_id,
    versions.branch_version_id,
    identified.attendance,
    identified.deal_id,
    identified.occurred_on,
    {{ month_of('identified.occurred_on') }} as occurred_month,
    identified.is_attended,
    identified.is_attended and identified.is_live_touch as is_live_touch,
    identified.is_attended and identified.is_two_way_touch as is_two_way_touch
from identified
left join {{ ref('dim_rep') }} as reps on identified.known_rep_id = reps.rep_id and not reps.is_sentinel
left join {{ ref('int_rep_posts') }} as posts
    on
        reps.rep_id = posts.rep_id
        and {{ is_within('identified.occurred_on', 'posts.valid_from', 'posts.valid_to') }}
left join {{ ref('int_branch_versions') }} as versions
    on
        posts.branch_id = versions.branch_id
        and {{ is_within('identified.occurred_on', 'versions.covers_from', 'versions.valid_to') }}
