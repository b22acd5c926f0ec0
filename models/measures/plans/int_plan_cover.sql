-- What the deals that were open at the last month end are expected to bring until the end of each plan that goes on, by entity of
-- today. The odds are the same as in the forecast, so a deal counts with its chance to be won in time. Odds reach twelve months ahead.
with last_month as (
    select max(month_number) as month_number from {{ ref('int_forecast_months') }}
),

horizons as (
    select distinct
        last_month.month_number,
        {{ month_number('goals.period_end') }} as horizon,
        least({{ month_number('goals.period_end') }}, last_month.month_number + 12) as last_forecast_number
    from {{ ref('int_plan_goals') }} as goals
    cross join last_month
    where goals.book = 'today' and {{ month_number('goals.period_end') }} > last_month.month_number
),

chances as (
    {{ open_deal_chances('horizons') }}
),

members as (
    select 'branch' as scope, branch_id as entity_id, chances.* from chances
    union all
    select 'division' as scope, division_id as entity_id, chances.* from chances
    union all
    select 'partner' as scope, partner_id as entity_id, chances.* from chances
)

select
    scope,
    entity_id,
    month_number,
    horizon as end_number,
    count(*) as open_deals,
    cast(sum({{ exact('win_chance') }}) as double) as wins,
    cast(sum({{ exact_money('win_chance * amount') }}) as double) as amount
from members
group by scope, entity_id, month_number, horizon
