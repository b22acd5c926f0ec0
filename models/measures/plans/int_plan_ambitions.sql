-- How realistic the won amount of an agreed plan is, on the figures of the month before it began: its target of a year, the
-- twelve months before, and what the entity could win if it won as much per salesperson as the best quarter of comparable
-- branches. Where there was nothing yet, the median branch of its type counts.
with last_month as (
    select max(month) as month from {{ ref('int_months') }} where is_complete
),

months as (
    select
        goals.plan_id, goals.scope, goals.entity_id, goals.period_start, goals.period_end, goals.month, goals.target, goals.original_target,
        seasons.share
    from {{ ref('int_plan_goals') }} as goals
    left join {{ ref('int_seasons') }} as seasons
        on
            seasons.metric = 'won_amount'
            and {{ fiscal_year('goals.period_start') }} = seasons.start_year
            and {{ fiscal_month('goals.month') }} = seasons.fiscal_month
    where goals.book = 'today' and goals.metric = 'won_amount'
),

-- A plan that is shorter or longer than a year is brought to a year by the company's seasons; without them by its months.
plans as (
    select
        plan_id, scope, entity_id, period_start, period_end,
        sum(target) as target, sum(original_target) as original_target,
        sum(target) / coalesce(
            case when count(share) = count(*) then nullif(sum(share), 0) end, cast(count(*) as double) / 12
        ) as yearly_target,
        least({{ add_months(month_of('period_start'), -1) }}, max(last_month.month)) as known_month,
        max(last_month.month) as last_month
    from months
    cross join last_month
    group by plan_id, scope, entity_id, period_start, period_end
),

scopes as (
    select
        scopes.scope_key, scopes.scope, scopes.entity_id, partners.partner_type,
        case when scopes.scope = 'branch' then partners.partner_type end as branch_type
    from {{ ref('int_scopes') }} as scopes
    left join {{ ref('dim_partner') }} as partners on scopes.partner_id = partners.partner_id
    where scopes.organisation = 'as_is'
),

results as (
    select
        scopes.scope_key, scopes.scope, scopes.entity_id, scopes.partner_type, results.month, results.won_amount_t12m,
        months.has_twelve_months
    from scopes
    inner join {{ ref('int_performance') }} as results on scopes.scope_key = results.scope_key
    inner join {{ ref('int_months') }} as months on results.month = months.month
),

-- Of the branches of a type that won anything.
typical as (
    select month, partner_type, {{ median_money('won_amount_t12m') }} as median_amount
    from results
    where scope = 'branch' and won_amount_t12m > 0 and partner_type is not null and has_twelve_months
    group by month, partner_type
),

recent_wins as (
    select
        months.scope_key, months.month, sum(months.deals_won) over (
            partition by months.scope_key order by months.month rows between 5 preceding and current row
        ) as deals_won_t6m
    from {{ ref('int_monthly') }} as months
    inner join scopes on months.scope_key = scopes.scope_key
)

select
    plans.plan_id,
    plans.target,
    plans.original_target,
    plans.yearly_target,
    plans.known_month,
    cast(results.won_amount_t12m as double) as won_amount_before,
    cast(headrooms.headroom_amount as double) as headroom_amount,
    case
        when results.won_amount_t12m > 0 then 'own_year'
        when headrooms.headroom_amount > 0 then 'headroom'
        when typical.median_amount > 0 then 'typical_branch'
    end as feasibility_basis,
    case
        when results.won_amount_t12m > 0 or headrooms.headroom_amount > 0
            then cast(greatest(results.won_amount_t12m, 0) as double) + coalesce(cast(headrooms.headroom_amount as double), 0)
        else cast(typical.median_amount as double)
    end as feasible_amount,
    coalesce(recent_wins.deals_won_t6m, 0) as deals_won_t6m
from plans
inner join scopes on plans.scope = scopes.scope and plans.entity_id = scopes.entity_id
left join results on scopes.scope_key = results.scope_key and plans.known_month = results.month and results.has_twelve_months
left join {{ ref('int_headrooms') }} as headrooms on scopes.scope_key = headrooms.scope_key and plans.known_month = headrooms.month
left join typical
    on plans.known_month = typical.month and scopes.branch_type = typical.partner_type
left join recent_wins on scopes.scope_key = recent_wins.scope_key and plans.last_month = recent_wins.month
