-- Whether the forecast of an entity was too high or too low: the wins that forecast_history expected at the end of each quarter
-- for the next one, next to the actual wins. These quarters do not overlap. Partial pooling (gamma-Poisson) as in rates: a few
-- wins more or fewer are chance. Where the entities of a scope differ by no more than chance explains, none is said to be above
-- or below the others.
with totals as (
    select
        scope,
        entity_id,
        min(division_id) as division_id,
        min(partner_id) as partner_id,
        count(*) as quarters,
        cast(sum({{ exact('wins_expected') }}) as double) as forecast_wins,
        sum(wins) as actual_wins,
        sum({{ exact_money('amount_expected') }}) as forecast_amount,
        sum(amount) as actual_amount
    from {{ ref('int_forecasts') }}
    where
        horizon = 'quarter' and is_over
        and month_number + 3 = last_forecast_number
        and month_number > last_number - 24
    group by scope, entity_id
),

peers as (
    select
        scope,
        cast(count(*) - 1 as double) as degrees,
        cast(sum(actual_wins) as double) / cast(sum({{ exact('forecast_wins') }}) as double) as reference_ratio
    from totals
    where forecast_wins > 0
    group by scope
),

spread as (
    select
        peers.scope,
        peers.degrees,
        peers.reference_ratio,
        cast(sum({{ exact(
            'power(totals.actual_wins - totals.forecast_wins * peers.reference_ratio, 2) / (totals.forecast_wins * peers.reference_ratio)'
        ) }}) as double) as squares,
        cast(sum({{ exact(
            'power(totals.actual_wins - totals.forecast_wins * peers.reference_ratio, 2) - totals.forecast_wins * peers.reference_ratio'
        ) }}) as double)
        / cast(sum({{ exact('totals.forecast_wins * totals.forecast_wins') }}) as double) as ratio_variance
    from peers
    inner join totals on peers.scope = totals.scope
    where peers.degrees >= {{ var('pooling_min_entities') }} - 1 and peers.reference_ratio > 0 and totals.forecast_wins > 0
    group by peers.scope, peers.degrees, peers.reference_ratio
),

-- 1.645 is exceeded by chance in 5 % of cases, as in int_pooled_rates.
priors as (
    select
        scope,
        reference_ratio * reference_ratio / ratio_variance as prior_wins,
        reference_ratio / ratio_variance as prior_forecast
    from spread
    where
        ratio_variance > 0
        and (power(squares / degrees, cast(1 as double) / 3) - (1 - 2 / (9 * degrees))) / sqrt(2 / (9 * degrees)) > 1.645
),

estimated as (
    select
        totals.*,
        peers.reference_ratio,
        (priors.prior_wins + totals.actual_wins) / (priors.prior_forecast + totals.forecast_wins) as estimated_ratio,
        (priors.prior_wins + totals.actual_wins) / power(priors.prior_forecast + totals.forecast_wins, 2) as ratio_variance
    from totals
    left join peers on totals.scope = peers.scope
    left join priors on totals.scope = priors.scope
),

judged as (
    select
        *,
        (estimated_ratio - reference_ratio) / sqrt(ratio_variance) as distance
    from estimated
)

select
    scope,
    entity_id,
    case when scope = 'branch' then entity_id end as branch_id,
    division_id,
    partner_id,
    quarters,
    {{ rounded('forecast_wins', 4) }} as forecast_wins,
    cast(actual_wins as bigint) as actual_wins,
    cast(forecast_amount as {{ money_type() }}) as forecast_amount,
    cast(actual_amount as {{ money_type() }}) as actual_amount,
    case when forecast_wins >= {{ var('n_min') }} then actual_wins / forecast_wins end as wins_ratio,
    round(coalesce(estimated_ratio, reference_ratio), 6) as estimated_ratio,
    case
        when estimated_ratio is not null then round({{ gamma_quantile('estimated_ratio', 'ratio_variance', '-1.645') }}, 6)
    end as interval_low,
    case
        when estimated_ratio is not null then round({{ gamma_quantile('estimated_ratio', 'ratio_variance', '1.645') }}, 6)
    end as interval_high,
    round(reference_ratio, 6) as reference_ratio,
    case when abs(distance) >= 1.96 then 'strong' when abs(distance) >= 1.282 then 'some' else 'none' end as evidence,
    case when distance >= 1.282 then 'above' when distance <= -1.282 then 'below' end as versus_reference
from judged
