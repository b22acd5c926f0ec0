-- Reps with an assignment at the end of a month, with or without an address. A rep with concurrent assignments counts
-- at the primary one, or at each of them where none is primary. A share of the declared headcount uses the reps of
-- branches that declare one.
with assigned as (
    select assignments.rep_id, assignments.branch_id, months.month, months.month_end
    from {{ ref('int_rep_posts') }} as assignments
    inner join {{ ref('int_months') }} as months
        on {{ is_within('months.month_end', 'assignments.valid_from', 'assignments.valid_to') }}
),

known as (
    select rep_id, month, month_end, branch_id
    from assigned
    where branch_id is not null
    union
    select assigned.rep_id, assigned.month, assigned.month_end, assignments.branch_id
    from assigned
    inner join {{ ref('dim_rep_assignment') }} as assignments
        on
            assigned.rep_id = assignments.rep_id
            and {{ is_within('assigned.month_end', 'assignments.valid_from', 'assignments.valid_to') }}
    where assigned.branch_id is null
)

select
    known.rep_id,
    known.month,
    known.branch_id,
    versions.branch_version_id,
    own.branch_id is not null as has_headcount,
    coalesce(own.branch_id, inherited.branch_id) is not null as has_headcount_as_is
from known
inner join {{ ref('dim_branch') }} as branches on known.branch_id = branches.branch_id
inner join {{ ref('int_branch_versions') }} as versions
    on
        known.branch_id = versions.branch_id
        and {{ is_within('known.month_end', 'versions.covers_from', 'versions.valid_to') }}
left join {{ ref('int_headcounts') }} as own
    on known.branch_id = own.branch_id and known.month = own.month and own.organisation = 'as_was'
left join {{ ref('int_headcounts') }} as inherited
    on branches.current_branch_id = inherited.branch_id and known.month = inherited.month and inherited.is_inherited
