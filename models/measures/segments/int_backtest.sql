-- Branches by their score at the end of each past half, and what they won afterwards. The score is what was known then
-- (int_known_profiles); the outcome begins on the next day. Branches and partners that ended since are kept, and a win
-- counts at the branch of its time.
with cutoffs as (
    select
        halves.period_start,
        halves.period_end as cutoff_on,
        {{ add_months(month_of('halves.period_end'), var('backtest_months')) }} as last_month
    from {{ ref('int_halves') }} as halves
    where halves.is_complete
),

judged_cutoffs as (
    select *, {{ add_days(add_months('last_month', 1), -1) }} as outcome_end from cutoffs
),

population as (
    select
        scores.version,
        cutoffs.period_start,
        cutoffs.cutoff_on,
        cutoffs.last_month,
        cutoffs.outcome_end,
        scores.branch_id,
        branches.partner_id,
        scores.potential_score,
        scores.profile_on,
        scores.known_on
    from judged_cutoffs as cutoffs
    inner join {{ ref('int_potential_scores') }} as scores on cutoffs.period_start = scores.period_start
    inner join {{ ref('dim_branch') }} as branches on scores.branch_id = branches.branch_id
    inner join {{ ref('dim_partner') }} as partners on branches.partner_id = partners.partner_id
    where
        coalesce(branches.closed_on, {{ for_ever() }}) > cutoffs.cutoff_on
        and coalesce(partners.contract_ended_on, {{ for_ever() }}) > cutoffs.cutoff_on
        -- Without the whole time after it there is no outcome.
        and {{ is_over(add_days('cutoffs.outcome_end', 1)) }}
),

months as (
    select scopes.entity_id as branch_id, months.month, months.deals_won, months.won_amount
    from {{ ref('int_monthly') }} as months
    inner join {{ ref('int_scopes') }} as scopes on months.scope_key = scopes.scope_key
    where scopes.organisation = 'as_was' and scopes.scope = 'branch' and (months.deals_won > 0 or months.won_amount != 0)
),

outcomes as (
    select
        population.version, population.branch_id, population.cutoff_on,
        sum(months.deals_won) as deals_won,
        sum(months.won_amount) as won_amount
    from population
    inner join months
        on
            population.branch_id = months.branch_id
            and months.month > population.cutoff_on and months.month <= population.last_month
    group by population.version, population.branch_id, population.cutoff_on
),

live as (
    select branch_id, occurred_month as month, sum(case when is_live then 1 else 0 end) as touches
    from {{ ref('fct_activities') }}
    where status = 'held'
    group by branch_id, occurred_month
),

touches as (
    select
        population.version, population.branch_id, population.cutoff_on,
        sum(case when live.month <= population.cutoff_on then live.touches else 0 end) as touches_before,
        sum(case when live.month > population.cutoff_on then live.touches else 0 end) as touches_after
    from population
    inner join live
        on
            population.branch_id = live.branch_id
            and live.month >= population.period_start and live.month <= population.last_month
    group by population.version, population.branch_id, population.cutoff_on
)

select
    population.version,
    population.cutoff_on,
    population.period_start,
    population.outcome_end,
    population.branch_id,
    population.partner_id,
    population.potential_score,
    population.profile_on,
    population.known_on,
    -- Equal scores are put in the order of their ids, so that each fifth has as many branches.
    ntile(5) over (
        partition by population.version, population.cutoff_on
        order by population.potential_score desc nulls last, population.branch_id
    ) as score_fifth,
    coalesce(touches.touches_before, 0) as live_touches_before,
    coalesce(touches.touches_after, 0) as live_touches_after,
    case
        when coalesce(touches.touches_before, 0) >= 2 * {{ var('high_touch_per_quarter') }} then 'high_touch' else 'less'
    end as support,
    coalesce(outcomes.deals_won, 0) as outcome_wins,
    coalesce(outcomes.won_amount, 0) as outcome_amount,
    coalesce(outcomes.deals_won, 0) > 0 as is_producing
from population
left join outcomes
    on
        population.version = outcomes.version and population.branch_id = outcomes.branch_id
        and population.cutoff_on = outcomes.cutoff_on
left join touches
    on
        population.version = touches.version and population.branch_id = touches.branch_id
        and population.cutoff_on = touches.cutoff_on
