-- Sales headcount of a branch at the end of a month, for either organisation. It comes from the latest profile up to
-- then, while the branch is open. As is, a branch without a profile of its own has the sum of its predecessors.
with profiles as (
    select
        branch_id,
        as_of as valid_from,
        coalesce(lead(as_of) over (partition by branch_id order by as_of), {{ for_ever() }}) as valid_to,
        sales_headcount
    from {{ ref('int_profiles') }}
    where sales_headcount is not null
),

declared as (
    select
        profiles.branch_id,
        branches.current_branch_id,
        months.month,
        months.month_end,
        profiles.sales_headcount,
        months.month_end < coalesce(branches.closed_on, {{ for_ever() }}) as is_open
    from {{ ref('int_months') }} as months
    inner join profiles on {{ is_within('months.month_end', 'profiles.valid_from', 'profiles.valid_to') }}
    inner join {{ ref('dim_branch') }} as branches on profiles.branch_id = branches.branch_id
),

taken_over as (
    select declared.current_branch_id as branch_id, declared.month, declared.month_end, sum(declared.sales_headcount) as sales_headcount
    from declared
    inner join {{ ref('dim_branch') }} as successors on declared.current_branch_id = successors.branch_id
    where declared.month_end < coalesce(successors.closed_on, {{ for_ever() }})
    group by declared.current_branch_id, declared.month, declared.month_end
    having count(case when declared.is_open then 1 end) = 0
),

headcounts as (
    select 'as_was' as organisation, branch_id, month, month_end, sales_headcount, false as is_inherited
    from declared
    where is_open
    union all
    select 'as_is' as organisation, branch_id, month, month_end, sales_headcount, false as is_inherited
    from declared
    where is_open
    union all
    select 'as_is' as organisation, branch_id, month, month_end, sales_headcount, true as is_inherited
    from taken_over
)

select
    headcounts.organisation,
    headcounts.branch_id,
    versions.branch_version_id,
    headcounts.month,
    headcounts.sales_headcount,
    headcounts.is_inherited
from headcounts
inner join {{ ref('int_branch_versions') }} as versions
    on
        headcounts.branch_id = versions.branch_id
        and {{ is_within('headcounts.month_end', 'versions.covers_from', 'versions.valid_to') }}
