-- Which success to take to which sister branch: the best sources (sister_matches) of each product, industry and target.
with told as (
    select cases.branch_id_current as branch_id, cases.product_id, max(cases.case_id) as case_id
    from {{ ref('int_cases') }} as cases
    where cases.kind = 'success' and cases.is_shareable
    group by cases.branch_id_current, cases.product_id
)

select
    chances.product_id,
    products.product_name,
    chances.industry,
    chances.partner_id,
    chances.source_branch_id,
    sources.branch_name as source_branch_name,
    chances.target_branch_id,
    targets.branch_name as target_branch_name,
    cast(chances.source_rank as integer) as source_rank,
    chances.evidence,
    cast(chances.source_wins as bigint) as source_wins,
    cast(chances.source_closed_deals as bigint) as source_closed_deals,
    chances.source_win_rate,
    cast(chances.source_customers as bigint) as source_customers,
    chances.source_expected_customers,
    chances.similarity,
    chances.similarity_headcount,
    chances.similarity_area,
    chances.similarity_customers,
    cast(chances.target_reps as bigint) as target_reps,
    chances.is_headcount_assumed,
    chances.wins_per_head,
    chances.success_rate,
    cast(chances.rollouts_succeeded as bigint) as rollouts_succeeded,
    cast(chances.rollouts as bigint) as rollouts,
    chances.estimated_wins,
    {{ round_money('chances.estimated_wins * chances.mean_amount') }} as estimated_amount,
    told.case_id
from {{ ref('int_rollout_chances') }} as chances
left join {{ ref('dim_product') }} as products on chances.product_id = products.product_id
left join {{ ref('dim_branch') }} as sources on chances.source_branch_id = sources.branch_id
left join {{ ref('dim_branch') }} as targets on chances.target_branch_id = targets.branch_id
left join told on chances.source_branch_id = told.branch_id and chances.product_id = told.product_id
where chances.source_rank <= {{ var('sister_matches') }}
