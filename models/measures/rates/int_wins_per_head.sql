-- Wins of twelve months per salesperson of a branch, for each month, by partial pooling (empirical Bayes, gamma-Poisson):
-- the fewer salespeople a branch has, the nearer its estimate is to that of all. If branches differ no more than chance
-- explains, each has the figure of all.
with branches as (
    select
        scopes.scope_key,
        months.month,
        months.headcount,
        results.deals_won_t12m as wins
    from {{ ref('int_monthly') }} as months
    inner join {{ ref('int_months') }} as calendar on months.month = calendar.month
    inner join {{ ref('int_scopes') }} as scopes
        on
            months.scope_key = scopes.scope_key
            and scopes.organisation = 'as_is' and scopes.scope = 'branch' and not scopes.is_special
    inner join {{ ref('int_performance') }} as results on months.scope_key = results.scope_key and months.month = results.month
    where months.headcount > 0 and scopes.closed_on > calendar.month_end
),

totals as (
    select
        month,
        count(*) as branches,
        cast(sum(headcount) as double) as heads,
        cast(sum(wins) as double) as wins,
        cast(sum(cast(headcount as bigint) * headcount) as double) as squared_heads,
        cast(sum({{ exact('cast(wins * wins as double) / headcount') }}) as double) as squared_wins_per_head
    from branches
    group by month
),

-- Pearson's chi-square of Poisson counts. Its expected value is degrees, if there are no differences.
spread as (
    select
        month,
        wins / heads as usual,
        cast(branches - 1 as double) as degrees,
        heads - squared_heads / heads as weight,
        squared_wins_per_head * heads / wins - wins as squares
    from totals
    where branches >= {{ var('pooling_min_entities') }} and wins > 0
),

-- Salespeople that the figure of all weighs. The test is that of int_pooled_rates.
priors as (
    select month, usual, greatest(weight, 1) / (squares - degrees) as strength
    from spread
    where
        squares > degrees
        and (power(squares / degrees, cast(1 as double) / 3) - (1 - 2 / (9 * degrees))) / sqrt(2 / (9 * degrees)) > 1.645
),

posteriors as (
    select
        branches.scope_key,
        branches.month,
        branches.headcount,
        branches.wins,
        totals.wins / totals.heads as usual,
        (priors.usual * priors.strength + branches.wins) / (priors.strength + branches.headcount) as mean,
        (priors.usual * priors.strength + branches.wins) / power(priors.strength + branches.headcount, 2) as variance
    from branches
    inner join totals on branches.month = totals.month
    left join priors on branches.month = priors.month
)

select
    scope_key,
    month,
    headcount,
    wins,
    coalesce(mean, usual) as estimate,
    -- Where branches differ by no more than chance explains, there is no evidence that one is below another.
    case when mean is not null then {{ gamma_quantile('mean', 'variance', 1.645) }} end as interval_high
from posteriors
