-- Rollouts of success cases to sister branches so far, failed ones included.
select
    rollouts.case_id,
    rollouts.target_branch_id,
    targets.branch_name as target_branch_name,
    rollouts.source_branch_id,
    sources.branch_name as source_branch_name,
    rollouts.partner_id,
    rollouts.product_id,
    products.product_name,
    rollouts.industry,
    rollouts.shared_on,
    rollouts.adopted_on,
    rollouts.judged_on,
    rollouts.first_won_on,
    rollouts.outcome,
    rollouts.is_judged,
    cast(rollouts.untold_sisters as bigint) as untold_sisters,
    cast(rollouts.untold_sisters_won as bigint) as untold_sisters_won
from {{ ref('int_rollouts') }} as rollouts
left join {{ ref('dim_branch') }} as targets on rollouts.target_branch_id = targets.branch_id
left join {{ ref('dim_branch') }} as sources on rollouts.source_branch_id = sources.branch_id
left join {{ ref('dim_product') }} as products on rollouts.product_id = products.product_id
