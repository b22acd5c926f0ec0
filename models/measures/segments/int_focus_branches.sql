-- Branches that were open and in focus at the end of each fiscal quarter, according to the roster of that time. The flag of a branch
-- counts before that of its partner. In the current quarter, the end is today.
with quarters as (
    select
        min(month) as period_start,
        max(month_end) as as_of,
        {{ fiscal_year('month') }} as fiscal_year,
        {{ fiscal_quarter('month') }} as fiscal_quarter,
        sum(case when is_complete then 1 else 0 end) = 3 as is_complete
    from {{ ref('int_months') }}
    group by {{ fiscal_year('month') }}, {{ fiscal_quarter('month') }}
),

partner_flags as (
    {{ held_history('partners', ['partner_id'], ['is_focus']) }}
),

branch_flags as (
    {{ held_history('branches', ['branch_id'], ['is_focus']) }}
),

open_branches as (
    select
        branches.branch_id, versions.branch_version_id, versions.partner_id,
        quarters.period_start, quarters.as_of, quarters.fiscal_year, quarters.fiscal_quarter, quarters.is_complete
    from {{ ref('dim_branch') }} as branches
    inner join quarters
        on
            coalesce(branches.opened_on, {{ since_ever() }}) <= quarters.as_of
            and coalesce(branches.closed_on, {{ for_ever() }}) > quarters.as_of
    inner join {{ ref('int_branch_versions') }} as versions
        on branches.branch_id = versions.branch_id and {{ is_within('quarters.as_of', 'versions.covers_from', 'versions.valid_to') }}
    where not branches.is_sentinel
),

-- Two sources may describe one branch; one of them is enough.
flagged as (
    select
        open_branches.branch_id, open_branches.branch_version_id, open_branches.period_start, open_branches.as_of,
        open_branches.fiscal_year, open_branches.fiscal_quarter, open_branches.is_complete,
        coalesce(
            max(case when branch_flags.is_focus then 1 when not branch_flags.is_focus then 0 end),
            max(case when partner_flags.is_focus then 1 when not partner_flags.is_focus then 0 end), 0
        ) = 1 as is_focus
    from open_branches
    left join branch_flags
        on
            open_branches.branch_id = branch_flags.branch_id
            and {{ is_within('open_branches.as_of', 'branch_flags.valid_from', 'branch_flags.valid_to') }}
    left join partner_flags
        on
            open_branches.partner_id = partner_flags.partner_id
            and {{ is_within('open_branches.as_of', 'partner_flags.valid_from', 'partner_flags.valid_to') }}
    group by
        open_branches.branch_id, open_branches.branch_version_id, open_branches.period_start, open_branches.as_of,
        open_branches.fiscal_year, open_branches.fiscal_quarter, open_branches.is_complete
)

select branch_id, branch_version_id, period_start, as_of, fiscal_year, fiscal_quarter, is_complete
from flagged
where is_focus
