-- One row per branch that evidence names and that was not open on the credit date, and branch that was open: the one that took
-- over from it, or from which it took over later.
with recursive named as (
    select distinct evidence.branch_id, deals.credit_on
    from {{ ref('deal_evidence') }} as evidence
    inner join {{ ref('int_deals') }} as deals on evidence.deal_id = deals.deal_id
    where evidence.reason = 'BRANCH_CLOSED_AT_DATE' and evidence.branch_id is not null
),

steps as (
    select from_branch_id, to_branch_id, effective_on, true as is_forward from {{ ref('int_successions') }}
    union all
    select to_branch_id as from_branch_id, from_branch_id as to_branch_id, effective_on, false as is_forward
    from {{ ref('int_successions') }}
),

-- The depth limits a cycle that a roster may contain by mistake.
walks as (
    select branch_id as named_branch_id, credit_on, branch_id, 0 as depth from named
    union all
    select walks.named_branch_id, walks.credit_on, steps.to_branch_id as branch_id, walks.depth + 1 as depth
    from walks
    inner join steps
        on walks.branch_id = steps.from_branch_id and steps.is_forward = (steps.effective_on <= walks.credit_on)
    where walks.depth < 10
)

select distinct walks.named_branch_id, walks.credit_on, walks.branch_id, branches.partner_id
from walks
inner join {{ ref('int_branches') }} as branches on walks.branch_id = branches.branch_id
where
    walks.branch_id != walks.named_branch_id
    and (branches.opened_on is null or branches.opened_on <= walks.credit_on)
    and (branches.closed_on is null or walks.credit_on < branches.closed_on)
