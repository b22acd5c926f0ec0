-- One row per division, with the division to which its branches belong today: the division itself while it has any
-- branch, otherwise the division that took over most of them.
with versions as (
    select
        versions.division_id, versions.division_name, versions.partner_id, versions.branch_id, versions.valid_to,
        branches.current_division_id
    from {{ ref('int_branch_versions') }} as versions
    inner join {{ ref('dim_branch') }} as branches on versions.branch_id = branches.branch_id
),

latest as (
    select
        division_id, division_name, partner_id,
        row_number() over (partition by division_id order by valid_to desc nulls last, branch_id) as latest_rank
    from versions
),

destinations as (
    select
        division_id, current_division_id,
        row_number() over (
            partition by division_id
            order by
                case when current_division_id = division_id then 0 else 1 end,
                count(distinct branch_id) desc nulls last,
                current_division_id nulls last
        ) as destination_rank
    from versions
    group by division_id, current_division_id
)

select
    latest.division_id,
    latest.partner_id,
    latest.division_name,
    destinations.current_division_id,
    latest.division_id in ('DIRECT', 'UNRESOLVED') or latest.division_id like 'UNKNOWN:%' as is_sentinel
from latest
inner join destinations on latest.division_id = destinations.division_id and destinations.destination_rank = 1
where latest.latest_rank = 1
