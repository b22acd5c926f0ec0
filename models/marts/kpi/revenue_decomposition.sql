-- Why revenue changed: the number of branches with wins, salespeople per branch, wins per salesperson, or size of
-- deals. Their product is the revenue, so the change is split by logarithmic means (LMDI), whose parts add up to it.
with wins as (
    select * from {{ ref('int_period_wins') }}
),

totals as (
    select
        scope, entity_id, period_type, months, period_start, is_previous,
        sum(won_amount) as won_amount,
        sum(case when is_known then won_amount else cast(0 as {{ money_type() }}) end) as known_amount,
        count(distinct case when deals_won > 0 and not is_sentinel then branch_id end) as active_branches,
        count(distinct case when deals_won > 0 and is_known then rep_id end) as producing_reps,
        sum(case when is_known then deals_won else 0 end) as deals_won
    from wins
    group by scope, entity_id, period_type, months, period_start, is_previous
),

-- The smallest number of branches with four fifths of the money. Money of unknown branches is part of the total, but is
-- no branch. Null where known branches make less.
largest as (
    select scope, entity_id, period_type, period_start, count(*) as units_to_80, max(total) as total, max(running_total) as reached
    from (
        select
            scope, entity_id, period_type, period_start, branch_id,
            is_sentinel,
            won_amount,
            sum(won_amount) over (partition by scope, entity_id, period_type, period_start) as total,
            sum(case when is_sentinel then cast(0 as {{ money_type() }}) else won_amount end) over (
                partition by scope, entity_id, period_type, period_start
                order by won_amount desc, branch_id
                rows between unbounded preceding and current row
            ) as running_total
        from (
            select scope, entity_id, period_type, period_start, branch_id, is_sentinel, coalesce(sum(won_amount), 0) as won_amount
            from wins
            where not is_previous
            group by scope, entity_id, period_type, period_start, branch_id, is_sentinel
        ) as branches
    ) as ranked
    where not is_sentinel and won_amount > 0 and running_total - won_amount < 0.8 * total
    group by scope, entity_id, period_type, period_start
),

pairs as (
    select
        scope, entity_id, period_type, months, period_start,
        coalesce(sum(case when not is_previous then won_amount end), 0) as won_amount,
        coalesce(sum(case when is_previous then won_amount end), 0) as previous_won_amount,
        coalesce(sum(case when not is_previous then known_amount end), 0) as known_amount,
        coalesce(sum(case when is_previous then known_amount end), 0) as previous_known_amount,
        coalesce(sum(case when not is_previous then active_branches end), 0) as active_branches,
        coalesce(sum(case when is_previous then active_branches end), 0) as previous_active_branches,
        coalesce(sum(case when not is_previous then producing_reps end), 0) as producing_reps,
        coalesce(sum(case when is_previous then producing_reps end), 0) as previous_producing_reps,
        coalesce(sum(case when not is_previous then deals_won end), 0) as deals_won,
        coalesce(sum(case when is_previous then deals_won end), 0) as previous_deals_won
    from totals
    group by scope, entity_id, period_type, months, period_start
),

measured as (
    select
        *,
        known_amount - previous_known_amount as known_change,
        {{ rate('producing_reps', 'active_branches') }} as reps_per_branch,
        {{ rate('deals_won', 'producing_reps') }} as wins_per_rep,
        case when known_amount > 0 then {{ rate('known_amount', 'deals_won') }} end as average_deal,
        {{ rate('previous_producing_reps', 'previous_active_branches') }} as previous_reps_per_branch,
        {{ rate('previous_deals_won', 'previous_producing_reps') }} as previous_wins_per_rep,
        case when previous_known_amount > 0 then {{ rate('previous_known_amount', 'previous_deals_won') }} end as previous_average_deal,
        deals_won > 0 and previous_deals_won > 0 and known_amount > 0 and previous_known_amount > 0 as is_split,
        (deals_won = 0) != (previous_deals_won = 0) as is_one_sided
    from pairs
),

-- The logarithmic mean of the two known amounts, their own value where they are equal, and how much each factor grew.
weighed as (
    select
        *,
        case
            when not is_split then null
            when known_change = 0 then cast(known_amount as double)
            else cast(known_change as double) / ln(cast(known_amount as double) / cast(previous_known_amount as double))
        end as mean_amount,
        case when is_split then cast(active_branches as double) / cast(previous_active_branches as double) end as branches_growth,
        case when is_split then cast(reps_per_branch as double) / cast(previous_reps_per_branch as double) end as reps_growth,
        case when is_split then cast(wins_per_rep as double) / cast(previous_wins_per_rep as double) end as wins_growth
    from measured
),

-- Which part of the change the first one, two and three factors bring, from none to all. If a side has no win, all of it comes from
-- the branches, or from the salespeople if a branch won by an unknown rep. If returns outweigh the wins of a side, all of it comes
-- from the average deal.
shares as (
    select
        *,
        case
            when is_split then mean_amount * ln(branches_growth)
            when is_one_sided and not (active_branches > 0 and previous_active_branches > 0) then cast(known_change as double)
            else cast(0 as double)
        end as running_1,
        case
            when is_split then mean_amount * ln(branches_growth * reps_growth)
            when is_one_sided then cast(known_change as double)
            else cast(0 as double)
        end as running_2,
        case
            when is_split then mean_amount * ln(branches_growth * reps_growth * wins_growth)
            when is_one_sided then cast(known_change as double)
            else cast(0 as double)
        end as running_3
    from weighed
),

-- Rounded as running sums, so that the parts add up exactly.
rounded as (
    select
        *,
        {{ round_money('running_1') }} as explained_1,
        {{ round_money('running_2') }} as explained_2,
        {{ round_money('running_3') }} as explained_3
    from shares
)

select
    rounded.scope,
    rounded.entity_id,
    rounded.period_type,
    rounded.period_start,
    {{ fiscal_year('rounded.period_start') }} as fiscal_year,
    case rounded.period_type
        when 'year' then 'FY'
        when 'half' then {{ fiscal_half('rounded.period_start') }}
        else {{ fiscal_quarter('rounded.period_start') }}
    end as fiscal_period,
    {{ add_months('rounded.period_start', 'rounded.months') }} <= {{ add_days('today.as_of', 1) }} as is_complete,
    cast(rounded.won_amount as {{ money_type() }}) as won_amount,
    cast(rounded.previous_won_amount as {{ money_type() }}) as previous_won_amount,
    cast(rounded.won_amount - rounded.previous_won_amount as {{ money_type() }}) as change_amount,
    cast(rounded.known_amount as {{ money_type() }}) as known_amount,
    cast(rounded.won_amount - rounded.known_amount as {{ money_type() }}) as unassigned_amount,
    cast(rounded.previous_known_amount as {{ money_type() }}) as previous_known_amount,
    cast(rounded.previous_won_amount - rounded.previous_known_amount as {{ money_type() }}) as previous_unassigned_amount,
    cast(rounded.active_branches as bigint) as active_branches,
    cast(rounded.producing_reps as bigint) as producing_reps,
    cast(rounded.deals_won as bigint) as deals_won,
    rounded.reps_per_branch,
    rounded.wins_per_rep,
    rounded.average_deal,
    cast(rounded.previous_active_branches as bigint) as previous_active_branches,
    cast(rounded.previous_producing_reps as bigint) as previous_producing_reps,
    cast(rounded.previous_deals_won as bigint) as previous_deals_won,
    rounded.previous_reps_per_branch,
    rounded.previous_wins_per_rep,
    rounded.previous_average_deal,
    rounded.explained_1 as active_branches_effect,
    cast(rounded.explained_2 - rounded.explained_1 as {{ money_type() }}) as reps_per_branch_effect,
    cast(rounded.explained_3 - rounded.explained_2 as {{ money_type() }}) as wins_per_rep_effect,
    cast(rounded.known_change - rounded.explained_3 as {{ money_type() }}) as average_deal_effect,
    cast(
        rounded.won_amount - rounded.previous_won_amount - rounded.known_change as {{ money_type() }}
    ) as unassigned_effect,
    case when largest.reached >= 0.8 * largest.total then largest.units_to_80 end as units_to_80
from rounded
left join largest
    on
        rounded.scope = largest.scope
        and rounded.entity_id = largest.entity_id
        and rounded.period_type = largest.period_type
        and rounded.period_start = largest.period_start
cross join {{ ref('int_as_of') }} as today
