-- Fails where a KPI set holds more metrics than anybody can chase, one twice, or one that the scorecard does not know.
{{ config(meta={'dagster': {'ref': {'name': 'kpi_sets'}}}) }}

with kpi_sets as (
    select * from {{ ref('kpi_sets') }}
),

sets as (
    select phase, channel, valid_from, count(*) as metrics, count(distinct metric) as distinct_metrics
    from kpi_sets
    group by phase, channel, valid_from
)

select phase, channel, valid_from, cast(metrics as string) as metrics, 'at most {{ var("max_active_kpis") }}' as expected
from sets
where metrics > {{ var('max_active_kpis') }}
union all
select phase, channel, valid_from, cast(metrics as string) as metrics, 'each metric once' as expected
from sets
where metrics != distinct_metrics
union all
select phase, channel, valid_from, metric, 'a metric of the macro scorecard_metrics' as expected
from kpi_sets
where metric not in ('{{ scorecard_metrics().values() | sum(start=[]) | join("', '") }}') -- noqa: LT05
