-- The months of each target, from its start to its deadline, with two paths: the straight line, and the line that
-- follows the company's own seasons. Months count whole.
with targets as (
    select
        targets.*,
        metrics.metric is not null as is_known_metric,
        metrics.direction,
        metrics.time_window,
        -- Counts and money of months add up to any period.
        coalesce(metrics.model = 'branch_monthly' and metrics.is_additive and metrics.time_window = 'month', false) as is_flow
    from {{ ref('int_targets') }} as targets
    cross join {{ ref('int_as_of') }} as today
    left join {{ ref('metrics') }} as metrics on targets.metric = metrics.metric
    left join {{ ref('int_scopes') }} as was
        on targets.scope = was.scope and targets.entity_id = was.entity_id and was.organisation = 'as_was'
    left join {{ ref('int_scopes') }} as current_scopes
        on
            targets.scope = current_scopes.scope
            and targets.entity_id = current_scopes.entity_id
            and current_scopes.organisation = 'as_is'
    -- Nobody can reach a target of a branch that has closed, or of a partner that another one took over.
    where was.scope_key is null or current_scopes.closed_on > today.as_of
),

bounds as (
    select min(month) as data_from from {{ ref('int_months') }}
),

-- What a period brings starts at nothing. A level, or twelve months to date, starts at the baseline.
starts as (
    select
        targets.*,
        bounds.data_from,
        case
            when targets.is_flow and targets.period_start is not null then {{ add_days('targets.period_start', -1) }}
            else targets.baseline_on
        end as path_from,
        case
            when targets.is_flow and targets.period_start is not null then cast(0 as double)
            else cast(targets.baseline as double)
        end as path_base,
        -- A target whose deadline is before all data has the month of its deadline.
        least(
            coalesce({{ month_of('targets.period_start') }}, {{ month_of('targets.baseline_on') }}, bounds.data_from),
            {{ month_of('targets.deadline') }}
        ) as first_month,
        {{ month_of('targets.deadline') }} as last_month
    from targets
    cross join bounds
),

spans as (
    select min(first_month) as first_month, max(last_month) as last_month from starts
),

months as (
    {{ date_series('(select first_month from spans)', '(select last_month from spans)', 'month', 'month') }}
),

month_ends as (
    select month, {{ add_days(add_months('month', 1), -1) }} as month_end from months
),

-- A month that the path does not cover whole has the part of its days.
weighted as (
    select
        starts.*,
        month_ends.month,
        month_ends.month_end,
        shares.share
        * {{ days_between(
            'greatest(starts.path_from, ' ~ add_days('month_ends.month', -1) ~ ')', 'least(month_ends.month_end, starts.deadline)'
        ) }}
        / cast({{ days_between('month_ends.month', 'month_ends.month_end') }} + 1 as double) as weight
    from starts
    inner join month_ends on starts.first_month <= month_ends.month and starts.last_month >= month_ends.month
    left join {{ ref('int_seasons') }} as shares
        on
            starts.is_flow
            and starts.metric = shares.metric
            and {{ fiscal_year(add_days('starts.path_from', 1)) }} = shares.start_year
            and {{ fiscal_month('month_ends.month') }} = shares.fiscal_month
)

select
    metric,
    scope,
    entity_id,
    period_start,
    deadline,
    month,
    month_end,
    last_month,
    data_from,
    is_known_metric,
    is_flow,
    direction,
    time_window,
    cast(target as double) as target,
    -- From where a flow is added up. Without a period, twelve months are compared with the target.
    coalesce({{ month_of('period_start') }}, {{ add_months('month', -11) }}) as window_from,
    case
        -- Without a baseline a level is to be held during the period.
        when path_base is null and period_start is not null then cast(target as double)
        when path_base is null then null
        when month_end >= deadline then cast(target as double)
        when month_end >= path_from
            then
                path_base
                + (cast(target as double) - path_base) * {{ days_between('path_from', 'month_end') }}
                / {{ days_between('path_from', 'deadline') }}
    end as path,
    case
        when path_base is null then null
        when month_end >= deadline and share_of_path is not null then cast(target as double)
        else path_base + (cast(target as double) - path_base) * share_of_path
    end as path_seasonal
from (
    select
        *,
        sum(weight) over (partition by metric, scope, entity_id, period_start, deadline order by month)
        / nullif(sum(weight) over (partition by metric, scope, entity_id, period_start, deadline), 0) as share_of_path
    from weighted
) as paths
