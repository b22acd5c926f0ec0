-- Cases with the branch and partner that they belong to today.
select
    cases.case_id,
    cases.branch_id,
    branches.current_branch_id as branch_id_current,
    branches.current_partner_id as partner_id_current,
    cases.kind,
    cases.level,
    cases.product_id,
    cases.customer_industry,
    cases.topic,
    cases.summary,
    coalesce(cases.is_shareable, false) as is_shareable,
    cases.recorded_on,
    cases.closed_on,
    cases.solved_by_case_id,
    cases.extracted_on
from {{ ref('stg_cases') }} as cases
left join {{ ref('dim_branch') }} as branches on cases.branch_id = branches.branch_id and not branches.is_sentinel
