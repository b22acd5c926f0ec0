-- Fails when the successions of a branch or partner form a cycle, so that it has no successor today, and when the
-- shares of a branch do not add up to one.
{{ config(meta={'dagster': {'ref': {'name': 'int_branch_successors'}}}) }}

select branches.branch_id, coalesce(sum(successors.share), 0) as total_share
from {{ ref('int_branches') }} as branches
left join {{ ref('int_branch_successors') }} as successors on branches.branch_id = successors.branch_id
group by branches.branch_id
having abs(coalesce(sum(successors.share), 0) - 1) > 0.000001
