-- Whom we know at each open branch besides its salespeople: heads, managers and key persons, also ended ones,
-- and the changes of heads.
with today as (
    select
        as_of,
        {{ add_days('as_of', -var('contact_window_days')) }} as contact_start,
        {{ add_days('as_of', -var('reset_days')) }} as reset_start
    from {{ ref('int_as_of') }}
)

select
    branches.branch_id,
    branches.branch_name,
    branches.partner_id,
    people.role,
    people.rep_id,
    reps.rep_name,
    nullif(people.valid_from, {{ since_ever() }}) as role_since,
    case when people.valid_to <= today.as_of then people.valid_to end as role_ended_on,
    people.valid_to > today.as_of as is_current,
    people.previous_head_id,
    coalesce(
        people.valid_to > today.as_of and people.previous_head_id is not null and people.valid_from > today.reset_start, false
    ) as is_reset,
    records.last_contact_on,
    coalesce(people.valid_to > today.as_of and records.last_contact_on > today.contact_start, false) as is_contact_live
from {{ ref('int_key_people') }} as people
cross join today
inner join {{ ref('int_open_branches') }} as branches on people.branch_id_current = branches.branch_id
left join {{ ref('dim_rep') }} as reps on people.rep_id = reps.rep_id
left join {{ ref('int_rep_records') }} as records on people.rep_id = records.rep_id
where people.valid_from <= today.as_of
