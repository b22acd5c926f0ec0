-- From how many branches a target would have to come: branches that win × producing reps of each × wins of each rep × money of a
-- win. Once with the figures of the last twelve complete months, and once as if each branch won as much per salesperson as the
-- best quarter of comparable ones (int_headrooms). Next to it, what exists: open branches and their salespeople.
with last_month as (
    select max(month) as month, max(month_end) as month_end from {{ ref('int_months') }} where is_complete
),

-- Targets for won amount of a year or longer that are not over. A shorter period has a season of its own, so it is not compared
-- with a year.
targets as (
    select
        targets.scope, targets.entity_id, targets.metric, targets.period_start, targets.deadline, targets.target,
        cast(targets.target as double) / case
            when targets.period_start is null then cast(1 as double)
            else round(cast({{ days_between('targets.period_start', 'targets.deadline') }} as double) / 365.25)
        end as yearly_target
    from {{ ref('int_targets') }} as targets
    cross join last_month
    where
        targets.metric = 'won_amount' and targets.target > 0 and targets.deadline > last_month.month_end
        and (targets.period_start is null or {{ days_between('targets.period_start', 'targets.deadline') }} >= 360)
),

places as (
    select distinct own.scope_key as branch_key, larger.scope_key
    from {{ ref('int_scope_bridge') }} as own
    inner join {{ ref('int_scope_bridge') }} as larger
        on own.branch_version_id = larger.branch_version_id and own.organisation = larger.organisation
    where own.organisation = 'as_is' and own.scope = 'branch'
),

-- Wins of closed or unknown branches are part of the results. Such branches do not count as branches.
branches as (
    select
        places.scope_key,
        sum(case when scopes.closed_on > last_month.month_end then 1 else 0 end) as open_branches,
        sum(case when results.deals_won_t12m > 0 then 1 else 0 end) as winning_branches,
        sum(case when results.deals_won_t12m > 0 or headrooms.headroom_wins > 0 then 1 else 0 end) as branches_with_headroom
    from {{ ref('int_scopes') }} as scopes
    cross join last_month
    inner join places on scopes.scope_key = places.branch_key
    inner join {{ ref('int_performance') }} as results on scopes.scope_key = results.scope_key and last_month.month = results.month
    left join {{ ref('int_headrooms') }} as headrooms on scopes.scope_key = headrooms.scope_key and last_month.month = headrooms.month
    where not scopes.is_special
    group by places.scope_key
),

measured as (
    select
        scopes.scope, scopes.entity_id, branches.open_branches, branches.winning_branches, branches.branches_with_headroom,
        months.headcount, months.reps_producing_t12m as producing_reps, results.deals_won_t12m as wins,
        results.won_amount_t12m as won_amount,
        coalesce(headrooms.headroom_wins, 0) as headroom_wins,
        coalesce(headrooms.headroom_reps, 0) as headroom_reps,
        coalesce(headrooms.headroom_amount, 0) as headroom_amount
    from {{ ref('int_scopes') }} as scopes
    cross join last_month
    inner join branches on scopes.scope_key = branches.scope_key
    inner join {{ ref('int_performance') }} as results on scopes.scope_key = results.scope_key and last_month.month = results.month
    inner join {{ ref('int_monthly') }} as months on scopes.scope_key = months.scope_key and last_month.month = months.month
    left join {{ ref('int_headrooms') }} as headrooms on scopes.scope_key = headrooms.scope_key and last_month.month = headrooms.month
    where scopes.organisation = 'as_is' and not scopes.is_special
),

direct as (
    select cast(coalesce(sum(won.amount), 0) as {{ money_type() }}) as direct_amount
    from {{ ref('int_won_months') }} as won
    inner join last_month on won.month > {{ add_months('last_month.month', -12) }} and won.month <= last_month.month
    where won.channel_class = 'direct'
),

bases as (
    select
        'today' as basis, scope, entity_id, open_branches, headcount,
        cast(winning_branches as double) as branches, cast(producing_reps as double) as reps, cast(wins as double) as wins,
        cast(won_amount as double) as won_amount
    from measured
    union all
    select
        'best_quarter' as basis, scope, entity_id, open_branches, headcount,
        cast(branches_with_headroom as double) as branches, producing_reps + headroom_reps as reps, wins + headroom_wins as wins,
        cast(won_amount + headroom_amount as double) as won_amount
    from measured
),

planned as (
    select
        targets.scope, targets.entity_id, targets.metric, targets.period_start, targets.deadline, targets.target, bases.basis,
        bases.open_branches, bases.headcount, bases.branches, bases.wins, bases.won_amount,
        targets.yearly_target,
        case when targets.scope = 'company' then direct.direct_amount else cast(0 as {{ money_type() }}) end as direct_amount,
        case when bases.branches > 0 then bases.reps / bases.branches end as reps_per_branch,
        case when bases.reps > 0 then bases.wins / bases.reps end as wins_per_rep,
        case when bases.wins > 0 and bases.won_amount > 0 then bases.won_amount / bases.wins end as average_deal
    from targets
    cross join direct
    inner join bases on targets.scope = bases.scope and targets.entity_id = bases.entity_id
),

asked as (
    select *, greatest(yearly_target - cast(direct_amount as double), cast(0 as double)) as partner_target from planned
),

needed as (
    select
        *,
        partner_target / average_deal as wins_needed,
        partner_target / average_deal / wins_per_rep as reps_needed,
        -- Without wins_per_rep, so that it exists also where no win names a salesperson.
        partner_target / average_deal / wins * branches as branches_needed
    from asked
)

select
    scope,
    entity_id,
    metric,
    period_start,
    deadline,
    basis,
    cast(target as {{ money_type() }}) as target,
    direct_amount,
    {{ round_money('partner_target') }} as partner_target,
    {{ round_money('won_amount') }} as reachable_amount,
    reps_per_branch,
    wins_per_rep,
    {{ round_money('average_deal') }} as average_deal,
    wins_needed,
    reps_needed,
    branches_needed,
    cast(branches as bigint) as active_branches,
    cast(open_branches as bigint) as open_branches,
    headcount,
    -- Money is compared, not branches: a few large branches raise the average, and others would win less.
    partner_target <= won_amount as is_reachable
from needed
