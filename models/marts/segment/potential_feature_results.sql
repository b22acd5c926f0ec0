-- How each feature goes with the money won afterwards, by ranks (Spearman). The row without a cut-off is of all cut-offs
-- together: ranks within each, and an interval for as many cases as there are branches, because one branch at six
-- cut-offs is not six branches. A feature that goes with the support as well may owe its figure to that.
with cases as (
    select
        points.version, points.feature, backtest.cutoff_on, backtest.branch_id,
        points.reported_value,
        cast(backtest.outcome_amount as double) as outcome,
        cast(backtest.live_touches_before as double) as touches
    from {{ ref('int_backtest') }} as backtest
    inner join {{ ref('int_potential_points') }} as points
        on
            backtest.version = points.version and backtest.branch_id = points.branch_id
            and backtest.period_start = points.period_start
    where points.reported_value is not null
),

ranks as (
    select
        *,
        count(*) over (partition by version, feature, cutoff_on) as of_cutoff,
        rank() over (partition by version, feature, cutoff_on order by reported_value nulls last)
        + cast(count(*) over (partition by version, feature, cutoff_on, reported_value) - 1 as double) / 2 as value_rank,
        rank() over (partition by version, feature, cutoff_on order by outcome nulls last)
        + cast(count(*) over (partition by version, feature, cutoff_on, outcome) - 1 as double) / 2 as outcome_rank,
        rank() over (partition by version, feature, cutoff_on order by touches nulls last)
        + cast(count(*) over (partition by version, feature, cutoff_on, touches) - 1 as double) / 2 as touch_rank
    from cases
),

-- From -0.5 to 0.5, so that cut-offs with many and few branches can be put together.
centred as (
    select
        version, feature, cutoff_on, branch_id,
        cast(value_rank as double) / (of_cutoff + 1) - 0.5 as value_rank,
        cast(outcome_rank as double) / (of_cutoff + 1) - 0.5 as outcome_rank,
        cast(touch_rank as double) / (of_cutoff + 1) - 0.5 as touch_rank
    from ranks
),

either as (
    select *, cutoff_on as of_cutoff_on from centred
    union all
    select *, cast(null as date) as of_cutoff_on from centred
),

sums as (
    select
        version,
        feature,
        of_cutoff_on,
        count(distinct branch_id) as n,
        count(distinct cutoff_on) as cutoffs,
        sum(cast(value_rank * outcome_rank as decimal(38, 16))) as with_outcome,
        sum(cast(value_rank * touch_rank as decimal(38, 16))) as with_touches,
        sum(cast(value_rank * value_rank as decimal(38, 16))) as of_value,
        sum(cast(outcome_rank * outcome_rank as decimal(38, 16))) as of_outcome,
        sum(cast(touch_rank * touch_rank as decimal(38, 16))) as of_touches
    from either
    group by version, feature, of_cutoff_on
),

correlations as (
    select
        *,
        cast(with_outcome as double) / nullif(sqrt(cast(of_value as double) * cast(of_outcome as double)), 0) as correlation,
        cast(with_touches as double) / nullif(sqrt(cast(of_value as double) * cast(of_touches as double)), 0) as support_correlation,
        n > 3 and n >= {{ var('pooling_min_entities') }} as is_enough
    from sums
),

-- Fisher's transformation: its error is 1 / √(n - 3), 1.03 of it for ranks.
fisher as (
    select
        *,
        case when is_enough and abs(correlation) < 1 then 0.5 * ln((1 + correlation) / (1 - correlation)) end as z,
        case when is_enough then 1.03 / sqrt(cast(n as double) - 3) end as z_error
    from correlations
)

select
    fisher.version,
    fisher.feature,
    fisher.of_cutoff_on as cutoff_on,
    fisher.cutoffs,
    fisher.n,
    fisher.correlation,
    {{ hyperbolic_tangent('fisher.z - 1.96 * fisher.z_error') }} as interval_low,
    {{ hyperbolic_tangent('fisher.z + 1.96 * fisher.z_error') }} as interval_high,
    case
        when abs(fisher.z) >= {{ var('evidence_strong') }} * fisher.z_error then 'strong'
        when abs(fisher.z) >= {{ var('evidence_some') }} * fisher.z_error then 'some'
        else 'none'
    end as evidence,
    fisher.support_correlation
from fisher
