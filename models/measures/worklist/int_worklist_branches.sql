-- Branches that an account manager could work on this week, with the hours and the expected value of the next action. A branch that
-- was just met rests, unless what was agreed is due.
with today as (
    select
        as_of,
        {{ add_days('as_of', -var('worklist_rest_days')) }} as rested_on,
        {{ add_days('as_of', var('worklist_due_days')) }} as due_until
    from {{ ref('int_as_of') }}
),

branches as (
    select
        branches.branch_id, branches.branch_name, branches.partner_id, branches.reps_known,
        managers.account_manager_id, managers.account_manager_name,
        coalesce(cast(staff.support_hours_per_week as double), cast({{ var('support_hours_per_week') }} as double)) as capacity_hours,
        contacts.last_touch_on, contacts.next_action, contacts.next_action_due_on,
        coalesce(contacts.next_action_due_on < today.due_until, false) as is_action_due,
        today.as_of as listed_on
    from {{ ref('int_open_branches') }} as branches
    cross join today
    inner join {{ ref('int_branch_managers') }} as managers on branches.branch_id = managers.branch_id
    left join {{ ref('dim_staff') }} as staff on managers.account_manager_id = staff.staff_id
    left join {{ ref('int_branch_contacts') }} as contacts on branches.branch_id = contacts.branch_id
    where
        coalesce(contacts.last_touch_on, {{ since_ever() }}) <= today.rested_on
        or coalesce(contacts.next_action_due_on < today.due_until, false)
),

-- A branch whose roster is empty has nobody to call by name: the first step is to get the names.
reasoned as (
    select
        branches.*,
        people.rep_id,
        people.call_value,
        coalesce(people.call_evidence, 'none') as call_evidence,
        coalesce(people.people_to_call, 0) as people_to_call,
        case
            when people.reason is not null then people.reason
            when branches.is_action_due then 'agreed_action'
            when branches.reps_known = 0 then 'get_names'
        end as reason,
        coalesce(people.action_type, 'call') as action_type,
        people.meaning,
        people.meaning_ja
    from branches
    left join {{ ref('int_worklist_people') }} as people on branches.branch_id = people.branch_id and people.person_rank = 1
)

select
    reasoned.*,
    cast(types.support_minutes as double) / 60 as hours,
    cast(reasoned.call_value as double) * 60 / types.support_minutes as amount_per_hour
from reasoned
inner join {{ ref('activity_types') }} as types on reasoned.action_type = types.activity_type
where reasoned.reason is not null
