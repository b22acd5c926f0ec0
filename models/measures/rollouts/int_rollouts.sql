-- Rollouts so far: success cases that were shared with another branch, and whether that branch then won with the product. A rollout
-- starts with the first share of a product with a branch within rollout_days; later shares of it are the same rollout.
with shares as (
    select
        shares.case_id,
        cases.product_id,
        cases.customer_industry as industry,
        cases.branch_id_current as source_branch_id,
        branches.current_branch_id as target_branch_id,
        branches.current_partner_id as partner_id,
        shares.shared_on,
        shares.adopted_on,
        lag(shares.shared_on) over (
            partition by branches.current_branch_id, cases.product_id order by shares.shared_on nulls last, shares.case_id nulls last
        ) as shared_before
    from {{ ref('stg_case_shares') }} as shares
    inner join {{ ref('int_cases') }} as cases on shares.case_id = cases.case_id and cases.kind = 'success'
    inner join {{ ref('dim_branch') }} as branches on shares.to_branch_id = branches.branch_id and not branches.is_sentinel
    where cases.product_id is not null and cases.branch_id_current != branches.current_branch_id
),

rollouts as (
    select
        shares.*,
        {{ add_days('shares.shared_on', var('rollout_days')) }} as judged_on,
        {{ add_days('shares.shared_on', var('rollout_days')) }} <= today.as_of as is_over
    from shares
    cross join {{ ref('int_as_of') }} as today
    where
        shares.shared_before is null
        or {{ add_days('shares.shared_before', var('rollout_days')) }} < shares.shared_on
),

-- Each branch of the partner at the start of a rollout: the one that got the case, and its sisters.
members as (
    select
        rollouts.case_id, rollouts.target_branch_id, rollouts.product_id, rollouts.shared_on, rollouts.judged_on,
        sisters.branch_id, sisters.branch_id = rollouts.target_branch_id as is_target
    from rollouts
    inner join {{ ref('dim_branch') }} as sisters
        on
            rollouts.partner_id = sisters.current_partner_id
            and sisters.branch_id = sisters.current_branch_id
            and not sisters.is_sentinel
            and sisters.branch_id != rollouts.source_branch_id
            and coalesce(sisters.opened_on, {{ since_ever() }}) <= rollouts.shared_on
            and coalesce(sisters.closed_on, {{ for_ever() }}) > rollouts.shared_on
),

sales as (
    select distinct branch_id_current as branch_id, product_id, won_on
    from {{ ref('fct_deals') }}
    where is_counted and status = 'won' and product_id is not null
),

sold as (
    select
        members.case_id, members.target_branch_id, members.branch_id,
        max(case when sales.won_on < members.shared_on and sales.won_on >= {{ add_days('members.shared_on', -365) }} then 1 else 0 end)
            as won_before,
        min(case when sales.won_on >= members.shared_on and sales.won_on < members.judged_on then sales.won_on end) as first_won_on
    from members
    left join sales on members.branch_id = sales.branch_id and members.product_id = sales.product_id
    group by members.case_id, members.target_branch_id, members.branch_id
),

told as (
    select distinct members.case_id, members.target_branch_id, members.branch_id
    from members
    inner join shares
        on
            members.branch_id = shares.target_branch_id
            and members.product_id = shares.product_id
            and shares.shared_on < members.judged_on
            and {{ add_days('shares.shared_on', var('rollout_days')) }} > members.shared_on
    where not members.is_target
),

-- Sisters that had neither the case nor a win of the year before: what comes without a rollout.
untold as (
    select
        sold.case_id, sold.target_branch_id, count(*) as untold_sisters,
        sum(case when sold.first_won_on is not null then 1 else 0 end) as untold_sisters_won
    from sold
    left join told
        on sold.case_id = told.case_id and sold.target_branch_id = told.target_branch_id and sold.branch_id = told.branch_id
    where sold.branch_id != sold.target_branch_id and sold.won_before = 0 and told.branch_id is null
    group by sold.case_id, sold.target_branch_id
)

select
    rollouts.case_id,
    rollouts.product_id,
    rollouts.industry,
    rollouts.partner_id,
    rollouts.source_branch_id,
    rollouts.target_branch_id,
    rollouts.shared_on,
    rollouts.adopted_on,
    rollouts.judged_on,
    own.first_won_on,
    case
        when own.won_before = 1 then 'sold_before'
        when own.first_won_on is not null then 'succeeded'
        when rollouts.is_over then 'failed'
        else 'running'
    end as outcome,
    -- A win before the end of the window is known, but the failures are not: only rollouts that are over make a rate.
    rollouts.is_over and own.won_before = 0 as is_judged,
    coalesce(untold.untold_sisters, 0) as untold_sisters,
    coalesce(untold.untold_sisters_won, 0) as untold_sisters_won
from rollouts
inner join sold as own
    on
        rollouts.case_id = own.case_id and rollouts.target_branch_id = own.target_branch_id
        and rollouts.target_branch_id = own.branch_id
left join untold on rollouts.case_id = untold.case_id and rollouts.target_branch_id = untold.target_branch_id
