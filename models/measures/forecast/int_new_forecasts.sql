-- Forecast of a month end for the deals that are still to come, up to each horizon, by branch of today: the branch's run
-- rate × the company's season and growth × the odds of a new deal.
with months as (
    select distinct month_number, first_number from {{ ref('int_forecast_months') }}
),

calendar as (
    {{ whole_numbers(0, 11) }}
),

opened as (
    select open_number, branch_id, division_id, partner_id, is_direct, channel, deal_type, count(*) as deals
    from {{ ref('int_forecast_deals') }}
    group by open_number, branch_id, division_id, partner_id, is_direct, channel, deal_type
),

totals as (
    select open_number, sum(deals) as deals from opened group by open_number
),

-- Whole years, three at most.
seasons as (
    select
        months.month_number,
        calendar.n as calendar_month,
        {{ shrunk_ratio(
            'sum(case when mod(totals.open_number, 12) = calendar.n then totals.deals else 0 end)',
            'sum(totals.deals) / cast(12 as double)', 30
        ) }} as season
    from months
    inner join totals
        on
            totals.open_number <= months.month_number
            and totals.open_number > months.month_number
            - case
                when months.month_number >= months.first_number + 35 then 36
                when months.month_number >= months.first_number + 23 then 24
                else 12
            end
    cross join calendar
    group by months.month_number, calendar.n
),

-- New deals of twelve months, and their growth over the twelve before. Growth is damped: half of it continues.
trends as (
    select
        months.month_number,
        sum(case when totals.open_number > months.month_number - 12 then totals.deals else 0 end) as deals,
        case
            when min(months.first_number) <= months.month_number - 23
                then sqrt({{ shrunk_ratio(
                    'sum(case when totals.open_number > months.month_number - 12 then totals.deals else 0 end)',
                    'sum(case when totals.open_number <= months.month_number - 12 then totals.deals else 0 end)', 30
                ) }})
            else cast(1 as double)
        end as growth
    from months
    inner join totals on totals.open_number <= months.month_number and totals.open_number > months.month_number - 24
    group by months.month_number
),

-- The last twelve months weigh twice as much as the twelve before.
parts as (
    select
        months.month_number, opened.branch_id, opened.division_id, opened.partner_id, opened.is_direct, opened.channel, opened.deal_type,
        sum(case when opened.open_number > months.month_number - 12 then 2 * opened.deals else opened.deals end) as weight
    from months
    inner join opened on opened.open_number <= months.month_number and opened.open_number > months.month_number - 24
    group by
        months.month_number, opened.branch_id, opened.division_id, opened.partner_id, opened.is_direct, opened.channel, opened.deal_type
),

shares as (
    select *, cast(weight as double) / sum(weight) over (partition by month_number) as share
    from parts
),

-- Wins of all deals to come. The run rate is that of the middle of its twelve months.
expected as (
    select
        horizons.month_number, horizons.horizon,
        sum({{ exact_wins(
            'odds.win_chance * seasons.season * trends.deals / 12 * power(trends.growth, (5.5 + odds.start) / cast(12 as double))'
        ) }}) as wins
    from {{ ref('int_forecast_months') }} as horizons
    inner join {{ ref('int_win_odds') }} as odds
        on
            horizons.month_number = odds.month_number and odds.stage = 'new'
            and odds.target_number <= horizons.last_forecast_number
    inner join seasons
        on odds.month_number = seasons.month_number and mod(odds.month_number + odds.start, 12) = seasons.calendar_month
    inner join trends on odds.month_number = trends.month_number
    group by horizons.month_number, horizons.horizon
),

branches as (
    select
        shares.month_number, expected.horizon, shares.branch_id, shares.division_id, shares.partner_id,
        sum({{ exact_wins('expected.wins * shares.share * coalesce(kinds.factor, 1) * coalesce(partners.factor, 1)') }}) as wins
    from shares
    inner join expected on shares.month_number = expected.month_number
    left join {{ ref('int_win_factors') }} as kinds
        on
            shares.month_number = kinds.month_number and shares.is_direct = kinds.is_direct
            and shares.channel = kinds.channel and shares.deal_type = kinds.deal_type
    left join {{ ref('int_win_factors') }} as partners
        on shares.month_number = partners.month_number and shares.partner_id = partners.partner_id
    group by shares.month_number, expected.horizon, shares.branch_id, shares.division_id, shares.partner_id
)

select
    branches.month_number, branches.horizon, branches.branch_id, branches.division_id, branches.partner_id, branches.wins,
    {{ exact_money('branches.wins * coalesce(amounts.mean_amount, 0)') }} as amount,
    {{ exact_money(
        'branches.wins * coalesce(amounts.spread * (amounts.mean_amount / 1000) * (amounts.mean_amount / 1000), 0)'
    ) }} as amount_variance
from branches
left join {{ ref('int_win_amounts') }} as amounts
    on branches.month_number = amounts.month_number and branches.partner_id = amounts.partner_id
