-- What to bring to a branch: a success case of a sister branch that may be shared and was not shared with it yet. Cases of the
-- rollouts with the highest estimate come first, then the newest cases.
with told as (
    select case_id, branch_id_current as source_branch_id, partner_id_current as partner_id, product_id, recorded_on
    from {{ ref('int_cases') }}
    where kind = 'success' and is_shareable and branch_id_current is not null
),

-- The newest ones of each partner, so that not every case is compared with every branch.
recent as (
    select *, row_number() over (partition by partner_id order by recorded_on desc nulls last, case_id nulls last) as case_rank
    from told
),

chances as (
    select target_branch_id, source_branch_id, product_id, max(estimated_wins) as estimated_wins
    from {{ ref('int_rollout_chances') }}
    group by target_branch_id, source_branch_id, product_id
),

offers as (
    select
        chances.target_branch_id as branch_id, told.case_id, told.source_branch_id, told.product_id, told.recorded_on,
        chances.estimated_wins
    from chances
    inner join told on chances.source_branch_id = told.source_branch_id and chances.product_id = told.product_id
    union all
    select
        branches.branch_id, recent.case_id, recent.source_branch_id, recent.product_id, recent.recorded_on,
        cast(null as double) as estimated_wins
    from {{ ref('int_open_branches') }} as branches
    inner join recent
        on
            branches.partner_id = recent.partner_id and branches.branch_id != recent.source_branch_id
            and recent.case_rank <= {{ var('newest_cases') }}
),

shared as (
    select distinct case_id, target_branch_id from {{ ref('int_case_shares') }}
),

ranked as (
    select
        offers.*,
        row_number() over (
            partition by offers.branch_id
            order by offers.estimated_wins desc nulls last, offers.recorded_on desc nulls last, offers.case_id nulls last
        ) as offer_rank
    from offers
    left join shared on offers.case_id = shared.case_id and offers.branch_id = shared.target_branch_id
    where shared.case_id is null
)

select branch_id, case_id, source_branch_id, product_id
from ranked
where offer_rank = 1
