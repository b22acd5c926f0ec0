-- The chance that a partner or branch has lost its rhythm, and the chance of a new deal in the next 90 days. The deals of an
-- entity are a Poisson process, and the rates of entities have a gamma distribution, estimated from all of them at that
-- month end (gamma-Poisson, by the method of moments). An entity has kept its own rate or, with the prior chance
-- quiet_prior per 90 days, got another one from that distribution: 90, 180 or 360 days ago.
with entities as (
    select * from {{ ref('int_deal_rhythms') }} where all_time > 0 and time_90 > 0
),

means as (
    select scope, month, sum(all_deals) / sum(all_time) as mean_rate, sum(all_time) as sum_time, sum(all_time * all_time) as squared_time
    from entities
    group by scope, month
    having count(*) >= {{ var('pooling_min_entities') }}
),

-- How much more the rates differ than chance explains.
variances as (
    select
        means.scope, means.month, means.mean_rate,
        (
            cast(sum({{ exact('power(entities.all_deals - means.mean_rate * entities.all_time, 2)') }}) as double)
            - means.mean_rate * means.sum_time
        ) / means.squared_time as variance
    from means
    inner join entities on means.scope = entities.scope and means.month = entities.month
    group by means.scope, means.month, means.mean_rate, means.sum_time, means.squared_time
),

gammas as (
    select scope, month, mean_rate * mean_rate / variance as shape, mean_rate / variance as rate
    from variances
    where variance > 0 and mean_rate > 0
),

-- Likelihood of the deals with another rate since then ÷ likelihood with one rate.
compared as (
    select
        entities.*,
        gammas.shape,
        gammas.rate,
        {{ change_odds('entities.deals_90', 'entities.time_90') }} as odds_90,
        {{ change_odds('entities.deals_180', 'entities.time_180') }} as odds_180,
        2 * {{ change_odds('entities.deals_360', 'entities.time_360') }} as odds_360,
        cast(1 - 4 * {{ var('quiet_prior') }} as double) as odds_kept,
        {{ expected_before('entities.deals_90', 'entities.time_90') }} as expected_90,
        {{ expected_before('entities.deals_180', 'entities.time_180') }} as expected_180,
        {{ expected_before('entities.deals_360', 'entities.time_360') }} as expected_360
    from entities
    inner join gammas on entities.scope = gammas.scope and entities.month = gammas.month
    where entities.all_deals >= {{ var('n_min') }}
),

-- The length of the next 90 days, in deals of all partners, is not known: that of 90 average days of the last year is taken.
judged as (
    select
        *,
        time_360 / 4 as next_time,
        odds_kept + odds_90 + odds_180 + odds_360 as all_odds,
        case when deals_90 < expected_90 then odds_90 else cast(0 as double) end as quiet_90,
        case when deals_180 < expected_180 then odds_180 else cast(0 as double) end as quiet_180,
        case when deals_360 < expected_360 then odds_360 else cast(0 as double) end as quiet_360
    from compared
),

-- The change is likeliest to have been that many days ago.
likeliest as (
    select
        *,
        case
            when quiet_360 > quiet_180 and quiet_360 > quiet_90 then 360 when quiet_180 > quiet_90 then 180 else 90
        end as window_days
    from judged
)

select
    scope,
    entity_id,
    month,
    month_end,
    next_to,
    all_deals,
    window_days,
    round(case window_days when 360 then expected_360 when 180 then expected_180 else expected_90 end, 6) as expected_deals,
    case window_days when 360 then deals_360 when 180 then deals_180 else deals_90 end as recent_deals,
    round(cast(quiet_90 + quiet_180 + quiet_360 as double) / all_odds, 6) as quiet_chance,
    round(1 - power((rate + all_time) / (rate + all_time + next_time), shape + all_deals), 6) as usual_chance,
    round(1 - cast(
        odds_kept * power((rate + all_time) / (rate + all_time + next_time), shape + all_deals)
        + odds_90 * power((rate + time_90) / (rate + time_90 + next_time), shape + deals_90)
        + odds_180 * power((rate + time_180) / (rate + time_180 + next_time), shape + deals_180)
        + odds_360 * power((rate + time_360) / (rate + time_360 + next_time), shape + deals_360)
        as double
    ) / all_odds, 6) as new_deal_chance,
    next_deals,
    last_deal_on
from likeliest
