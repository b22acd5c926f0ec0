-- One row per month end, horizon and entity of today: what was expected, the actual result, and the result of the same
-- months a year before. Results are null where their months are not over, or are not in the data.
with parts as (
    select
        month_number, horizon, branch_id, division_id, partner_id, open_deals,
        wins as wins_open, cast(0 as decimal(28, 10)) as wins_new, wins_variance,
        amount as amount_open, cast(0 as decimal(28, 10)) as amount_new, amount_variance
    from {{ ref('int_open_forecasts') }}
    union all
    select
        month_number, horizon, branch_id, division_id, partner_id, 0 as open_deals,
        cast(0 as decimal(28, 10)) as wins_open, wins as wins_new, wins as wins_variance,
        cast(0 as decimal(28, 10)) as amount_open, amount as amount_new, amount_variance
    from {{ ref('int_new_forecasts') }}
),

branches as (
    select
        month_number, horizon, branch_id, division_id, partner_id,
        sum(open_deals) as open_deals,
        {{ exact('sum(wins_open)') }} as wins_open,
        {{ exact('sum(wins_new)') }} as wins_new,
        {{ exact('sum(wins_variance)') }} as wins_variance,
        {{ exact('sum(amount_open)') }} as amount_open,
        {{ exact('sum(amount_new)') }} as amount_new,
        {{ exact('sum(amount_variance)') }} as amount_variance
    from parts
    group by month_number, horizon, branch_id, division_id, partner_id
),

members as (
    select 'branch' as scope, branch_id as entity_id, branches.* from branches
    union all
    select 'division' as scope, division_id as entity_id, branches.* from branches
    union all
    select 'partner' as scope, partner_id as entity_id, branches.* from branches
    union all
    select 'company' as scope, 'ALL' as entity_id, branches.* from branches
),

expected as (
    select
        month_number, horizon, scope, entity_id,
        case when scope in ('branch', 'division') then min(division_id) end as division_id,
        case when scope != 'company' then min(partner_id) end as partner_id,
        sum(open_deals) as open_deals,
        cast(sum(wins_open) as double) as wins_open,
        cast(sum(wins_new) as double) as wins_new,
        cast(sum(wins_open + wins_new) as double) as wins_expected,
        cast(sum(wins_variance) as double) as wins_variance,
        cast(sum(amount_open) as double) as amount_open,
        cast(sum(amount_new) as double) as amount_new,
        cast(sum(amount_open + amount_new) as double) as amount_expected,
        1000000 * cast(sum(amount_variance) as double) as amount_variance
    from members
    group by month_number, horizon, scope, entity_id
),

won_branches as (
    select won_number, branch_id, division_id, partner_id, count(*) as wins, sum(won_amount) as amount
    from {{ ref('int_forecast_deals') }}
    where won_number is not null
    group by won_number, branch_id, division_id, partner_id
),

-- Wins in their month and, for the comparison with last year, in the same month a year later.
won_months as (
    select won_number, 1 as is_result, branch_id, division_id, partner_id, wins, amount from won_branches
    union all
    select won_number + 12 as won_number, 0 as is_result, branch_id, division_id, partner_id, wins, amount from won_branches
),

won as (
    select 'branch' as scope, branch_id as entity_id, won_number, is_result, wins, amount from won_months
    union all
    select 'division' as scope, division_id as entity_id, won_number, is_result, wins, amount from won_months
    union all
    select 'partner' as scope, partner_id as entity_id, won_number, is_result, wins, amount from won_months
    union all
    select 'company' as scope, 'ALL' as entity_id, won_number, is_result, wins, amount from won_months
),

results as (
    select
        months.month_number, months.horizon, won.scope, won.entity_id,
        sum(case when won.is_result = 1 then won.wins else 0 end) as wins,
        sum(case when won.is_result = 1 then won.amount end) as amount,
        sum(case when won.is_result = 0 then won.wins else 0 end) as wins_before,
        sum(case when won.is_result = 0 then won.amount end) as amount_before
    from {{ ref('int_forecast_months') }} as months
    inner join won on won.won_number > months.month_number and won.won_number <= months.last_forecast_number
    group by months.month_number, months.horizon, won.scope, won.entity_id
)

select
    expected.*,
    months.month,
    months.forecast_on,
    months.ends_on,
    months.last_forecast_number,
    months.last_number,
    months.last_forecast_number <= months.last_number as is_over,
    case when months.last_forecast_number <= months.last_number then coalesce(results.wins, 0) end as wins,
    case
        when months.last_forecast_number <= months.last_number then coalesce(results.amount, cast(0 as {{ money_type() }}))
    end as amount,
    case when months.month_number - 11 >= months.first_number then coalesce(results.wins_before, 0) end as wins_before,
    case
        when months.month_number - 11 >= months.first_number then coalesce(results.amount_before, cast(0 as {{ money_type() }}))
    end as amount_before
from expected
inner join {{ ref('int_forecast_months') }} as months
    on expected.month_number = months.month_number and expected.horizon = months.horizon
left join results
    on
        expected.month_number = results.month_number and expected.horizon = results.horizon
        and expected.scope = results.scope and expected.entity_id = results.entity_id
