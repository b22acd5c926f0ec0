-- How much more often deals of a kind, and of a partner, were won up to a month end than expected from stage, age and season.
-- With few wins, the factor is close to 1.
with months as (
    select distinct month_number from {{ ref('int_forecast_months') }}
),

monthly as (
    select month_number, partner_id, is_direct, channel, deal_type, sum(wins) as wins, sum(expected_wins) as expected_wins
    from {{ ref('int_win_records') }}
    group by month_number, partner_id, is_direct, channel, deal_type
),

kind_months as (
    select month_number, is_direct, channel, deal_type, sum(wins) as wins, sum(expected_wins) as expected_wins
    from monthly
    group by month_number, is_direct, channel, deal_type
),

kinds as (
    select
        months.month_number, kind_months.is_direct, kind_months.channel, kind_months.deal_type,
        {{ shrunk_ratio('sum(kind_months.wins)', 'sum(kind_months.expected_wins)', 15) }} as factor
    from months
    inner join kind_months on kind_months.month_number <= months.month_number
    group by months.month_number, kind_months.is_direct, kind_months.channel, kind_months.deal_type
),

-- The expected wins of a partner use the factors of the kinds of its deals, as known at the time.
partner_months as (
    select
        monthly.month_number, monthly.partner_id,
        sum(monthly.wins) as wins,
        sum({{ exact('cast(monthly.expected_wins as double) * coalesce(kinds.factor, 1)') }}) as expected_wins
    from monthly
    left join kinds
        on
            monthly.month_number = kinds.month_number + 1 and monthly.is_direct = kinds.is_direct
            and monthly.channel = kinds.channel and monthly.deal_type = kinds.deal_type
    group by monthly.month_number, monthly.partner_id
),

partners as (
    select
        months.month_number, partner_months.partner_id,
        {{ shrunk_ratio('sum(partner_months.wins)', 'sum(partner_months.expected_wins)', 20) }} as factor
    from months
    inner join partner_months on partner_months.month_number <= months.month_number
    group by months.month_number, partner_months.partner_id
)

select month_number, is_direct, channel, deal_type, cast(null as {{ dbt.type_string() }}) as partner_id, factor from kinds
union all
select
    month_number, cast(null as boolean) as is_direct, cast(null as {{ dbt.type_string() }}) as channel,
    cast(null as {{ dbt.type_string() }}) as deal_type, partner_id, factor
from partners
