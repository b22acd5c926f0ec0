-- New deals of partners and branches of today around each of the last 24 month ends: in the three years up to it, in the
-- last 90, 180 and 360 days of these, and in the 90 days after it. Time is counted in new deals of all partners together,
-- so that seasons, holidays and growth lengthen or shorten it for everybody alike.
with calendar as (
    select min(month) as first_month, max(case when is_complete then month end) as last_month from {{ ref('int_months') }}
),

month_ends as (
    select
        month,
        month_end,
        {{ add_days('month_end', -1080) }} as start_on,
        {{ add_days('month_end', -90) }} as from_90,
        {{ add_days('month_end', -180) }} as from_180,
        {{ add_days('month_end', -360) }} as from_360,
        {{ add_days('month_end', 90) }} as next_to
    from {{ ref('int_months') }}
    cross join calendar
    where
        month <= calendar.last_month
        and month >= {{ add_months('calendar.first_month', 12) }}
        and month >= {{ add_months('calendar.last_month', -23) }}
),

deals as (
    select branch_id, partner_id, open_on, count(*) as deals
    from {{ ref('int_forecast_deals') }}
    where not is_direct
    group by branch_id, partner_id, open_on
),

days as (
    select open_on, deals, sum(deals) over (order by open_on) as deals_so_far
    from (select open_on, sum(deals) as deals from deals group by open_on) as sums
),

company as (
    select
        ends.month,
        sum(case when days.open_on > ends.start_on then days.deals else 0 end) as all_time,
        sum(days.deals) as time_so_far,
        sum(case when days.open_on > ends.from_90 then days.deals else 0 end) as time_90,
        sum(case when days.open_on > ends.from_180 then days.deals else 0 end) as time_180,
        sum(case when days.open_on > ends.from_360 then days.deals else 0 end) as time_360
    from month_ends as ends
    inner join days on days.open_on <= ends.month_end
    group by ends.month
),

entities as (
    select 'branch' as scope, branch_id as entity_id, open_on, sum(deals) as deals
    from deals
    group by branch_id, open_on
    union all
    select 'partner' as scope, partner_id as entity_id, open_on, sum(deals) as deals
    from deals
    group by partner_id, open_on
),

firsts as (
    select entities.scope, entities.entity_id, entities.first_on, days.deals_so_far as company_before
    from (
        select scope, entity_id, min(open_on) as first_on from entities group by scope, entity_id
    ) as entities
    inner join days on entities.first_on = days.open_on
),

counted as (
    select
        entities.scope, entities.entity_id, ends.month,
        sum(case when entities.open_on <= ends.month_end then entities.deals else 0 end) as all_deals,
        sum(case when entities.open_on > ends.from_90 and entities.open_on <= ends.month_end then entities.deals else 0 end)
            as deals_90,
        sum(case when entities.open_on > ends.from_180 and entities.open_on <= ends.month_end then entities.deals else 0 end)
            as deals_180,
        sum(case when entities.open_on > ends.from_360 and entities.open_on <= ends.month_end then entities.deals else 0 end)
            as deals_360,
        sum(case when entities.open_on > ends.month_end then entities.deals else 0 end) as next_deals,
        max(case when entities.open_on <= ends.month_end then entities.open_on end) as last_deal_on
    from month_ends as ends
    inner join entities on entities.open_on > ends.start_on and entities.open_on <= ends.next_to
    group by entities.scope, entities.entity_id, ends.month
)

select
    counted.scope,
    counted.entity_id,
    ends.month,
    ends.month_end,
    ends.next_to,
    -- The rhythm is measured from the first deal on, so the first deal itself does not count.
    cast(case when firsts.first_on > ends.start_on then counted.all_deals - 1 else counted.all_deals end as double) as all_deals,
    cast(case
        when firsts.first_on > ends.start_on then company.time_so_far - firsts.company_before else company.all_time
    end as double) as all_time,
    cast(counted.deals_90 as double) as deals_90,
    cast(counted.deals_180 as double) as deals_180,
    cast(counted.deals_360 as double) as deals_360,
    cast(company.time_90 as double) as time_90,
    cast(company.time_180 as double) as time_180,
    cast(company.time_360 as double) as time_360,
    counted.next_deals,
    counted.last_deal_on
from counted
inner join month_ends as ends on counted.month = ends.month
inner join company on counted.month = company.month
inner join firsts on counted.scope = firsts.scope and counted.entity_id = firsts.entity_id
where firsts.first_on <= ends.from_90
