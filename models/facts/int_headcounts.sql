{{ config(schema='intermediate') }}

-- Sales headcount of a branch at the end of a month: what its latest profile up to then declares, while the branch is open.
with profiles as (
    select
        branch_id,
        as_of as valid_from,
        coalesce(lead(as_of) over (partition by branch_id order by as_of), {{ for_ever() }}) as valid_to,
        sales_headcount
    from {{ ref('stg_branch_profiles') }}
    where sales_headcount is not null
)

select
    profiles.branch_id,
    months.month,
    profiles.sales_headcount
from {{ ref('int_months') }} as months
inner join profiles
    on {{ is_within('months.month_end', 'profiles.valid_from', 'profiles.valid_to') }}
inner join {{ ref('int_branches') }} as branches on profiles.branch_id = branches.branch_id
where months.month_end < coalesce(branches.closed_on, {{ for_ever() }})
