-- Reps who were contactable at the end of a month: with an assignment and an address on that day, and a two-way contact
-- in the window. is_trained shows whether they attended a study session, at any branch, in twelve months. Of the
-- contacts of a month, only the last one is used.
with contacts as (
    select rep_id, occurred_month, max(occurred_on) as contacted_on
    from {{ ref('fct_attendance') }}
    where
        is_two_way_touch
        and rep_id is not null
        and occurred_on <= (select max(month_end) from {{ ref('int_months') }})
    group by rep_id, occurred_month
),

reached as (
    select distinct contacts.rep_id, months.month, months.month_end
    from contacts
    inner join {{ ref('int_months') }} as months
        on
            contacts.contacted_on <= months.month_end
            and contacts.contacted_on > {{ add_days('months.month_end', -var('contact_window_days')) }}
),

with_address as (
    select distinct reached.rep_id, reached.month
    from reached
    inner join {{ ref('int_contact_points') }} as points
        on
            reached.rep_id = points.owner_id
            and points.owner_type = 'rep'
            and {{ is_within('reached.month_end', 'points.valid_from', 'points.valid_to') }}
),

trained as (
    select distinct rep_id, month from {{ ref('int_trained_reps') }}
)

select known.rep_id, known.month, known.branch_id, known.branch_version_id, trained.rep_id is not null as is_trained
from {{ ref('int_known_reps') }} as known
inner join with_address on known.rep_id = with_address.rep_id and known.month = with_address.month
left join trained on known.rep_id = trained.rep_id and known.month = trained.month
