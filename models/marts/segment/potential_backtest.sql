-- Whether the branches with a high score sold more afterwards. Bin 0 is all branches of a cut-off, 1 the fifth with the
-- highest scores. `support` separates branches by the support that they had before: a supported branch may sell because of
-- the support, so the score has to separate branches of equal support, too.
with cases as (
    select 'all' as support_group, backtest.* from {{ ref('int_backtest') }} as backtest
    union all
    select backtest.support as support_group, backtest.* from {{ ref('int_backtest') }} as backtest
),

-- Equal scores share the mean of their ranks.
ranked as (
    select
        *,
        cast(rank() over (partition by version, cutoff_on, support_group order by potential_score nulls last) as double)
        + cast(count(*) over (partition by version, cutoff_on, support_group, potential_score) - 1 as double) / 2 as score_rank
    from cases
),

wholes as (
    select
        version,
        cutoff_on,
        support_group,
        cast(count(*) as double) as n,
        cast(sum(case when is_producing then 1 else 0 end) as double) as producing,
        sum(outcome_amount) as amount,
        sum(case when is_producing then score_rank else cast(0 as double) end) as rank_sum
    from ranked
    group by version, cutoff_on, support_group
),

-- Share of pairs, one with and one without a win, in which the one with a win has the higher score.
areas as (
    select
        *,
        case
            when producing > 0 and producing < n
                then (rank_sum - producing * (producing + 1) / 2) / (producing * (n - producing))
        end as auc
    from wholes
),

-- Hanley and McNeil's standard error.
errors as (
    select
        *,
        case
            when auc is not null then sqrt((
                auc * (1 - auc)
                + (producing - 1) * (auc / (2 - auc) - auc * auc)
                + (n - producing - 1) * (2 * auc * auc / (1 + auc) - auc * auc)
            ) / (producing * (n - producing)))
        end as auc_error
    from areas
),

bins as (
    select
        version, cutoff_on, outcome_end, support_group, score_bin,
        count(*) as n,
        sum(case when is_producing then 1 else 0 end) as producing,
        min(potential_score) as score_from,
        max(potential_score) as score_to,
        sum(outcome_amount) as outcome_amount,
        avg(cast(live_touches_before as double)) as live_touches_before,
        avg(cast(live_touches_after as double)) as live_touches_after
    from (
        select *, 0 as score_bin from cases
        union all
        select *, score_fifth as score_bin from cases
    ) as placed
    group by version, cutoff_on, outcome_end, support_group, score_bin
),

-- What one would have expected on that day: the rate of the same bin at earlier cut-offs whose outcome was known by then.
expected as (
    select
        bins.version, bins.cutoff_on, bins.support_group, bins.score_bin,
        cast(sum(earlier.producing) as double) / sum(earlier.n) as expected_rate
    from bins
    inner join bins as earlier
        on
            bins.version = earlier.version and bins.support_group = earlier.support_group
            and bins.score_bin = earlier.score_bin and earlier.outcome_end <= bins.cutoff_on
    group by bins.version, bins.cutoff_on, bins.support_group, bins.score_bin
)

select
    bins.version,
    bins.cutoff_on,
    bins.outcome_end,
    bins.cutoff_on = max(bins.cutoff_on) over () as is_latest,
    bins.support_group as support,
    cast(bins.score_bin as integer) as score_bin,
    bins.score_from,
    bins.score_to,
    bins.n,
    cast(bins.producing as bigint) as producing,
    {{ rate('bins.producing', 'bins.n', var('n_min')) }} as outcome_rate,
    {{ wilson_bound('bins.producing', 'bins.n', '-') }} as interval_low,
    {{ wilson_bound('bins.producing', 'bins.n', '+') }} as interval_high,
    expected.expected_rate,
    errors.producing / errors.n as base_rate,
    case when errors.producing > 0 then {{ rate('bins.producing', 'bins.n', var('n_min')) }} / (errors.producing / errors.n) end
        as potential_lift,
    case when errors.producing > 0 then {{ wilson_bound('bins.producing', 'bins.n', '-') }} / (errors.producing / errors.n) end
        as lift_low,
    case when errors.producing > 0 then {{ wilson_bound('bins.producing', 'bins.n', '+') }} / (errors.producing / errors.n) end
        as lift_high,
    cast(bins.outcome_amount as {{ money_type() }}) as outcome_amount,
    case when errors.amount > 0 then cast(bins.outcome_amount as double) / cast(errors.amount as double) end as amount_share,
    bins.live_touches_before,
    bins.live_touches_after,
    case when bins.score_bin = 0 then errors.auc end as auc,
    -- Engines differ in how they treat nulls here.
    case
        when bins.score_bin = 0 and errors.auc is not null
            then greatest(errors.auc - 1.96 * errors.auc_error, cast(0 as double))
    end as auc_low,
    case
        when bins.score_bin = 0 and errors.auc is not null
            then least(errors.auc + 1.96 * errors.auc_error, cast(1 as double))
    end as auc_high,
    -- Whether the score separates the branches better than chance, 0.5.
    case
        when errors.auc - {{ var('evidence_strong') }} * errors.auc_error > 0.5 then 'strong'
        when errors.auc - {{ var('evidence_some') }} * errors.auc_error > 0.5 then 'some'
        else 'none'
    end as evidence
from bins
inner join errors
    on bins.version = errors.version and bins.cutoff_on = errors.cutoff_on and bins.support_group = errors.support_group
left join expected
    on
        bins.version = expected.version and bins.cutoff_on = expected.cutoff_on
        and bins.support_group = expected.support_group and bins.score_bin = expected.score_bin
