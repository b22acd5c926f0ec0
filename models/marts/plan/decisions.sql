-- Decisions, what was expected of them, and what came. Null while the time is not over, and where the metric or the entity is unknown.
with came as (
    select
        decisions.decision_id,
        max(
            case
                when figures.month != decisions.figure_month then null
                when decisions.is_flow then figures.year_value
                else figures.value
            end
        ) as figure_then,
        case
            when max(case when decisions.is_flow then 1 else 0 end) = 1
                then sum(case when figures.month >= decisions.first_month and figures.month <= decisions.last_month then figures.value end)
            else max(case when figures.month = decisions.last_month then figures.value end)
        end as actual_value
    from {{ ref('int_decisions') }} as decisions
    inner join {{ ref('int_kpi_values') }} as figures
        on decisions.scope_key = figures.scope_key and decisions.metric = figures.metric
    group by decisions.decision_id
),

results as (
    select
        decisions.*,
        came.figure_then,
        case when decisions.is_over then came.actual_value end as actual_value
    from {{ ref('int_decisions') }} as decisions
    left join came on decisions.decision_id = came.decision_id
)

select
    results.decision_id,
    results.decision,
    results.taken_on,
    results.taken_by,
    results.programme_id,
    results.metric,
    results.scope,
    results.entity_id,
    results.partner_id,
    results.is_reorganised,
    cast(results.figure as double) as figure,
    results.figure_then,
    cast(results.expected_value as double) as expected_value,
    results.expected_by,
    results.is_changed,
    results.first_month,
    results.last_month,
    results.is_flow,
    results.is_over,
    results.actual_value,
    case
        when results.direction = 'down' then results.actual_value <= cast(results.expected_value as double)
        else results.actual_value >= cast(results.expected_value as double)
    end as is_met
from results
