{{ config(schema='intermediate') }}

-- Reps who could be reached at the end of a month: a post on that day, an address, and a two-way contact in the window. The
-- last contact of each month stands for its earlier ones.
with month_ends as (
    select month, {{ add_days(add_months('month', 1), -1) }} as month_end
    from {{ ref('int_months') }}
),

contacts as (
    select rep_id, occurred_month, max(occurred_on) as contacted_on
    from {{ ref('fct_attendance') }}
    where is_two_way_touch and rep_id is not null
    group by rep_id, occurred_month
),

reached as (
    select distinct contacts.rep_id, month_ends.month, month_ends.month_end
    from contacts
    inner join month_ends
        on
            contacts.contacted_on <= month_ends.month_end
            and contacts.contacted_on > {{ add_days('month_ends.month_end', -var('contact_window_days')) }}
),

with_address as (
    select distinct reached.rep_id, reached.month
    from reached
    inner join {{ ref('int_contact_points') }} as points
        on
            reached.rep_id = points.owner_id
            and points.owner_type = 'rep'
            and {{ is_within('reached.month_end', 'points.valid_from', 'points.valid_to') }}
)

select reached.rep_id, reached.month, posts.branch_id
from reached
inner join with_address on reached.rep_id = with_address.rep_id and reached.month = with_address.month
inner join {{ ref('int_rep_posts') }} as posts
    on
        reached.rep_id = posts.rep_id
        and {{ is_within('reached.month_end', 'posts.valid_from', 'posts.valid_to') }}
where posts.branch_id is not null
