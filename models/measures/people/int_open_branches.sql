-- Branches of today that are open and under contract, with what a comparison of sister branches needs.
with last_month as (
    select max(month) as month from {{ ref('int_months') }}
),

headcounts as (
    select headcounts.branch_id, headcounts.sales_headcount
    from {{ ref('int_headcounts') }} as headcounts
    inner join last_month on headcounts.month = last_month.month
    where headcounts.organisation = 'as_is'
),

reps as (
    select posts.current_branch_id as branch_id, count(distinct known.rep_id) as reps
    from {{ ref('int_known_reps') }} as known
    inner join last_month on known.month = last_month.month
    inner join {{ ref('dim_branch') }} as posts on known.branch_id = posts.branch_id
    group by posts.current_branch_id
)

select
    branches.branch_id,
    branches.branch_name,
    branches.current_partner_id as partner_id,
    branches.current_division_id as division_id,
    branches.prefecture,
    areas.area,
    branches.opened_on,
    headcounts.sales_headcount as headcount,
    coalesce(reps.reps, 0) as reps_known
from {{ ref('dim_branch') }} as branches
inner join {{ ref('dim_partner') }} as partners on branches.current_partner_id = partners.partner_id
cross join {{ ref('int_as_of') }} as today
left join {{ ref('areas') }} as areas on substr(branches.prefecture, 1, 2) = areas.prefecture_start
left join headcounts on branches.branch_id = headcounts.branch_id
left join reps on branches.branch_id = reps.branch_id
where
    not branches.is_sentinel
    and branches.branch_id = branches.current_branch_id
    and coalesce(
        {{ earliest(['branches.closed_on', 'branches.contract_ended_on', 'partners.contract_ended_on']) }}, {{ for_ever() }}
    ) > today.as_of
