-- Fails when a branch's month is missing from rep_concentration, tells other producing reps than branch_monthly does, or has
-- shares that so many reps cannot have.
{{ config(meta={'dagster': {'ref': {'name': 'rep_concentration'}}}) }}

select
    months.branch_id,
    months.month,
    months.reps_producing_t12m,
    concentration.producing_reps,
    concentration.rep_hhi,
    concentration.top_rep_share
from {{ ref('branch_monthly') }} as months
inner join {{ ref('dim_branch') }} as branches on months.branch_id = branches.branch_id
left join {{ ref('rep_concentration') }} as concentration
    on months.branch_id = concentration.branch_id and months.month = concentration.month
where
    not branches.is_sentinel
    and (
        concentration.branch_id is null
        or concentration.producing_reps != months.reps_producing_t12m
        or concentration.rep_hhi > 1.000001
        or concentration.rep_hhi * concentration.producing_reps < 0.999999
        or concentration.top_rep_share * concentration.producing_reps < 0.999999
    )
