-- Rates by partial pooling (empirical Bayes, beta-binomial): the fewer deals an entity has, the nearer its estimate is to
-- the rate of its peers. How much the peers differ is estimated from the data, by the method of moments. If they do not
-- differ more than chance explains, each has the rate of all, and no statement is made about any of them.
with peers as (
    select
        scope,
        rate_name,
        count(*) as entities,
        cast(sum(numerator) as double) as passed,
        cast(sum(denominator) as double) as deals,
        sum(cast(denominator as double) * cast(denominator as double)) as squared_deals
    from {{ ref('int_rates') }}
    group by scope, rate_name
),

-- Pearson's chi-square is squares / noise. Its expected value is degrees, if there are no differences.
spread as (
    select
        peers.scope,
        peers.rate_name,
        peers.passed / peers.deals as peer_rate,
        cast(peers.entities - 1 as double) as degrees,
        peers.deals - peers.squared_deals / peers.deals as weight,
        (peers.passed / peers.deals) * (1 - peers.passed / peers.deals) as noise,
        sum(
            cast(rates.denominator as double)
            * power(cast(rates.numerator as double) / rates.denominator - peers.passed / peers.deals, 2)
        ) as squares
    from peers
    inner join {{ ref('int_rates') }} as rates on peers.scope = rates.scope and peers.rate_name = rates.rate_name
    where peers.entities >= {{ var('pooling_min_entities') }} and peers.passed > 0 and peers.passed < peers.deals
    group by peers.scope, peers.rate_name, peers.entities, peers.passed, peers.deals, peers.squared_deals
),

-- The cube root of a chi-square is nearly normal (Wilson and Hilferty). 1.645 is exceeded by chance in 5 % of cases.
priors as (
    select
        scope,
        rate_name,
        peer_rate,
        -- How many deals the rate of the peers counts as: mean × (1 - mean) ÷ variance - 1 of a beta distribution.
        noise * greatest(weight - degrees, 1) / (squares - degrees * noise) - 1 as strength
    from spread
    where
        squares > degrees * noise
        and (power(squares / noise / degrees, cast(1 as double) / 3) - (1 - 2 / (9 * degrees))) / sqrt(2 / (9 * degrees)) > 1.645
),

-- A strength below 1 would let a single deal outweigh all peers.
posteriors as (
    select
        rates.*,
        priors.peer_rate * greatest(priors.strength, 1) + rates.numerator as successes,
        (1 - priors.peer_rate) * greatest(priors.strength, 1) + rates.denominator - rates.numerator as failures
    from {{ ref('int_rates') }} as rates
    left join priors on rates.scope = priors.scope and rates.rate_name = priors.rate_name
),

-- The logarithm of the odds of a beta distribution is nearly normal, with this standard deviation.
logits as (
    select
        *,
        successes / (successes + failures) as estimate,
        ln(successes / failures) as logit,
        sqrt(1 / successes + 1 / failures) as deviation
    from posteriors
),

-- What a rate is compared with: that of all partners together.
company as (
    select
        rate_name, cast(numerator as double) / denominator as reference_rate
    from {{ ref('int_rates') }}
    where scope = 'company'
),

judged as (
    select
        logits.*,
        company.reference_rate,
        case
            when logits.scope = 'company' or company.reference_rate <= 0 or company.reference_rate >= 1 then null
            else (logits.logit - ln(company.reference_rate / (1 - company.reference_rate))) / logits.deviation
        end as distance
    from logits
    left join company on logits.rate_name = company.rate_name
)

select
    scope,
    entity_id,
    partner_id,
    rate_name,
    window_start,
    window_end,
    numerator,
    denominator,
    {{ rate('numerator', 'denominator', var('n_min')) }} as raw_rate,
    coalesce(estimate, reference_rate) as estimated_rate,
    1 / (1 + exp(-(logit - 1.645 * deviation))) as interval_low,
    1 / (1 + exp(-(logit + 1.645 * deviation))) as interval_high,
    deviation,
    reference_rate,
    -- Shares of a normal distribution: 97.5 % and 90 % lie below these distances.
    {{ evidence_grade('abs(distance)') }} as evidence,
    case
        when distance >= {{ var('evidence_some') }} then 'above'
        when distance <= -{{ var('evidence_some') }} then 'below'
    end as versus_reference
from judged
