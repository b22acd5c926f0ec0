-- Where to take a success next: a product and industry in which a branch wins more than chance explains, and a sister branch with
-- salespeople that has not won in it. Many products and industries are searched at many branches, so the limits of chance are
-- narrow (rollout_some, rollout_strong).
with cells as (
    select * from {{ ref('int_product_cells') }}
),

branches as (
    select branch_id, sum(closed_deals) as closed_deals, sum(customers_won) as customers_won from cells group by branch_id
),

kinds as (
    select product_id, industry, sum(customers_won) as customers_won from cells group by product_id, industry
),

company as (
    select
        cast(sum(cells.customers_won) as double) as customers_won,
        cast(sum(cells.deals_won) as double) / sum(cells.closed_deals) as win_rate,
        cast(count(distinct {{ dbt.concat(['cells.product_id', "'|'", 'cells.industry']) }}) as double) as kinds
    from cells
),

-- Customers that the branch would have won in the cell with the mix of all other branches. One win of each kind is added to the
-- others, so that a kind that nobody else sells is not impossible.
expected as (
    select
        cells.*,
        branches.customers_won * (kinds.customers_won - cells.customers_won + 1)
        / (company.customers_won - branches.customers_won + company.kinds) as expected_customers,
        cast(cells.deals_won as double) / cells.closed_deals as cell_win_rate,
        company.win_rate
    from cells
    inner join branches on cells.branch_id = branches.branch_id
    inner join kinds on cells.product_id = kinds.product_id and cells.industry = kinds.industry
    cross join company
    where cells.customers_won >= {{ var('rollout_min_wins') }}
),

-- The cube root of a chi-square is nearly normal (Wilson and Hilferty): so many of a Poisson distribution with this mean.
sources as (
    select
        *,
        (power(expected_customers / customers_won, cast(1 as double) / 3) - (1 - cast(1 as double) / (9 * customers_won)))
        * 3 * sqrt(customers_won) as distance
    from expected
    -- A source does not win less often than all partners by more than chance explains.
    where cell_win_rate >= win_rate - {{ var('rollout_worse') }} * sqrt(win_rate * (1 - win_rate) / closed_deals)
),

-- How often rollouts succeeded: of the product, with rollout_prior more added at the rate of all.
all_rollouts as (
    select
        count(*) as n,
        cast(sum(case when outcome = 'succeeded' then 1 else 0 end) as double) / count(*) as rate
    from {{ ref('int_rollouts') }}
    where is_judged
),

rollouts as (
    select product_id, count(*) as n, sum(case when outcome = 'succeeded' then 1 else 0 end) as succeeded
    from {{ ref('int_rollouts') }}
    where is_judged
    group by product_id
),

industries as (
    select
        cells.branch_id, cells.industry, cast(sum(cells.closed_deals) as double) / max(branches.closed_deals) as share
    from cells
    inner join branches on cells.branch_id = branches.branch_id
    group by cells.branch_id, cells.industry
),

pairs as (
    select
        sources.product_id,
        sources.industry,
        sources.partner_id,
        sources.branch_id as source_branch_id,
        targets.branch_id as target_branch_id,
        sources.deals_won as source_wins,
        sources.closed_deals as source_closed_deals,
        sources.cell_win_rate as source_win_rate,
        sources.customers_won as source_customers,
        sources.expected_customers as source_expected_customers,
        case when sources.distance <= -{{ var('rollout_strong') }} then 'strong' else 'some' end as evidence,
        cast(sources.won_amount as double) / sources.deals_won as mean_amount,
        cast(sources.deals_won as double) * 12 / {{ var('rollout_window_months') }}
        / coalesce(nullif(own.headcount, 0), nullif(own.reps_known, 0)) as wins_per_head,
        coalesce(nullif(targets.headcount, 0), targets.reps_known) as target_reps,
        targets.headcount is null as is_headcount_assumed,
        cast(least(targets.headcount, own.headcount) as double) / nullif(greatest(targets.headcount, own.headcount), 0)
            as similarity_headcount,
        case
            when targets.area = own.area then cast(1 as double)
            when targets.area is not null then cast({{ var('rollout_other_area') }} as double)
        end as similarity_area,
        case
            when branches.closed_deals > 0 then least(cast(1 as double), coalesce(base.share, 0) / source_base.share)
        end as similarity_customers
    from sources
    inner join {{ ref('int_open_branches') }} as own on sources.branch_id = own.branch_id
    inner join {{ ref('int_open_branches') }} as targets
        on sources.partner_id = targets.partner_id and sources.branch_id != targets.branch_id and targets.reps_known > 0
    inner join industries as source_base
        on sources.branch_id = source_base.branch_id and sources.industry = source_base.industry
    left join cells as sold
        on
            targets.branch_id = sold.branch_id and sources.product_id = sold.product_id and sources.industry = sold.industry
            and sold.deals_won > 0
    left join branches on targets.branch_id = branches.branch_id
    left join industries as base on targets.branch_id = base.branch_id and sources.industry = base.industry
    where sources.distance <= -{{ var('rollout_some') }} and sold.branch_id is null
),

-- The mean of the likenesses that are known.
estimated as (
    select
        pairs.*,
        (coalesce(similarity_headcount, 0) + coalesce(similarity_area, 0) + coalesce(similarity_customers, 0))
        / nullif(
            case when similarity_headcount is null then 0 else 1 end + case when similarity_area is null then 0 else 1 end
            + case when similarity_customers is null then 0 else 1 end, 0
        ) as similarity,
        coalesce(rollouts.n, 0) as rollouts,
        coalesce(rollouts.succeeded, 0) as rollouts_succeeded,
        (coalesce(rollouts.succeeded, 0) + {{ var('rollout_prior') }} * all_rollouts.rate)
        / nullif(coalesce(rollouts.n, 0) + {{ var('rollout_prior') }}, 0) as success_rate
    from pairs
    cross join all_rollouts
    left join rollouts on pairs.product_id = rollouts.product_id
)

select
    *,
    target_reps * wins_per_head * similarity * success_rate as estimated_wins,
    row_number() over (
        partition by target_branch_id, product_id, industry
        order by target_reps * wins_per_head * similarity * success_rate desc nulls last, source_branch_id nulls last
    ) as source_rank
from estimated
