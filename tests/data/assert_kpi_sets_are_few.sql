-- Fails where a KPI set has too many metrics, one metric twice, or a metric that no scorecard can show.
{{ config(meta={'dagster': {'ref': {'name': 'kpi_sets'}}}) }}

with kpi_sets as (
    select * from {{ ref('kpi_sets') }}
),

sets as (
    select
        phase, channel, valid_from,
        sum(case when is_reserve then 0 else 1 end) as metrics,
        count(*) as rows_of_set,
        count(distinct metric) as distinct_metrics
    from kpi_sets
    group by phase, channel, valid_from
)

select phase, channel, valid_from, cast(metrics as string) as metrics, 'at most {{ var("max_active_kpis") }}' as expected
from sets
where metrics > {{ var('max_active_kpis') }}
union all
select phase, channel, valid_from, cast(rows_of_set as string) as metrics, 'each metric once' as expected
from sets
where rows_of_set != distinct_metrics
union all
select kpi_sets.phase, kpi_sets.channel, kpi_sets.valid_from, kpi_sets.metric, 'a metric that a scorecard can show' as expected
from kpi_sets
left join {{ ref('metrics') }} as metrics
    on
        kpi_sets.metric = metrics.metric
        and metrics.model in ('branch_monthly', 'performance', 'rep_concentration', 'network_monthly')
where metrics.metric is null
