-- Fails where the parts of a change do not add up to the difference of the two figures, where the deals behind them do not
-- add up to the parts, or where a figure of today is not the one that the monthly marts publish. The figures are added up
-- from the logs without the parts. Whether the earlier figure is the one that was published then is a matter of tests.
{{ config(meta={'dagster': {'ref': {'name': 'change_explained'}}}) }}

with explained as (
    select pair, scope, entity_id, metric, min(change) as change, sum(amount) as amount
    from {{ ref('change_explained') }}
    group by pair, scope, entity_id, metric
),

totals as (
    select figures.*, metrics.metric
    from {{ ref('int_change_totals') }} as figures
    inner join {{ ref('change_metrics') }} as metrics
        on
            figures.measure = metrics.measure
            and (metrics.has_direct or figures.branch_id != 'DIRECT')
            and (metrics.has_unresolved or figures.branch_id != 'UNRESOLVED')
),

places as (
    select 'branch' as scope, branch_id as entity_id, pair, side, metric, amount from totals
    union all
    select 'division' as scope, division_id as entity_id, pair, side, metric, amount from totals
    union all
    select 'partner' as scope, partner_id as entity_id, pair, side, metric, amount from totals
    union all
    select 'company' as scope, 'ALL' as entity_id, pair, side, metric, amount from totals
),

figures as (
    select
        pair, scope, entity_id, metric,
        sum(case when side = 'to' then amount end) as to_value,
        coalesce(sum(case when side = 'to' then amount end), 0) - coalesce(sum(case when side = 'from' then amount end), 0) as change
    from places
    group by pair, scope, entity_id, metric
),

today as (
    select pairs.pair, pairs.to_window_start, pairs.to_on
    from {{ ref('int_change_pairs') }} as pairs
    inner join {{ ref('int_as_of') }} as today on pairs.to_on = today.as_of
    where pairs.missing_reason is null and pairs.pair in ('extract', 'fiscal_year')
),

-- Marts have whole months. A source may have dates of later days.
published as (
    select scope_key, month, {{ additive_metrics('METRIC') }} from {{ ref('int_monthly') }}
),

later_counts as (
    select branch_version_id, stage, entered_on as day
    from {{ ref('fct_stage_entries') }}
    where is_counted and stage in ('open', 'qualified', 'lost')
    union all
    select won.branch_version_id, 'won' as stage, wins.won_on as day
    from {{ ref('int_won_months') }} as won
    inner join {{ ref('int_win_days') }} as wins on won.deal_id = wins.deal_id and won.month = wins.month
),

later as (
    select bridge.scope_key, facts.day, facts.stage as kind, cast(1 as {{ money_type() }}) as amount
    from later_counts as facts
    inner join {{ ref('int_scope_bridge') }} as bridge
        on facts.branch_version_id = bridge.branch_version_id and bridge.organisation = 'as_is'
    where facts.day > (select max(to_on) from today)
    union all
    select bridge.scope_key, facts.recognized_on as day, 'money' as kind, facts.amount
    from {{ ref('current_credit') }} as facts
    inner join {{ ref('int_branch_versions') }} as versions on facts.branch_id_current = versions.branch_id and versions.is_current
    inner join {{ ref('int_scope_bridge') }} as bridge
        on versions.branch_version_id = bridge.branch_version_id and bridge.organisation = 'as_is'
    where facts.is_counted and facts.recognized_on > (select max(to_on) from today)
),

metrics as (
    select 'deals_new' as metric, 'open' as kind
    union all
    select 'deals_qualified' as metric, 'qualified' as kind
    union all
    select 'deals_won' as metric, 'won' as kind
    union all
    select 'deals_lost' as metric, 'lost' as kind
    union all
    select 'won_amount' as metric, 'money' as kind
),

monthly as (
    select
        today.pair, published.scope_key, metrics.metric,
        sum(
            case metrics.metric
                when 'deals_new' then cast(published.deals_new as {{ money_type() }})
                when 'deals_qualified' then cast(published.deals_qualified as {{ money_type() }})
                when 'deals_won' then cast(published.deals_won as {{ money_type() }})
                when 'deals_lost' then cast(published.deals_lost as {{ money_type() }})
                else published.won_amount
            end
        ) as value
    from published
    cross join metrics
    inner join today on published.month >= today.to_window_start and published.month <= today.to_on
    group by today.pair, published.scope_key, metrics.metric
),

too_late as (
    select today.pair, later.scope_key, metrics.metric, sum(later.amount) as value
    from later
    inner join metrics on later.kind = metrics.kind
    inner join today on later.day > today.to_on and {{ month_of('later.day') }} <= today.to_on
    group by today.pair, later.scope_key, metrics.metric
),

expected as (
    select
        monthly.pair, scopes.scope, scopes.entity_id, monthly.metric, monthly.value - coalesce(too_late.value, 0) as value
    from monthly
    inner join {{ ref('int_scopes') }} as scopes on monthly.scope_key = scopes.scope_key and scopes.organisation = 'as_is'
    left join too_late
        on monthly.pair = too_late.pair and monthly.scope_key = too_late.scope_key and monthly.metric = too_late.metric
),

behind as (
    select changes.pair, metrics.metric, changes.cause, sum(changes.amount) as amount
    from {{ ref('change_deals') }} as changes
    inner join {{ ref('change_metrics') }} as metrics
        on
            changes.measure = metrics.measure
            and (metrics.has_direct or changes.branch_id != 'DIRECT')
            and (metrics.has_unresolved or changes.branch_id != 'UNRESOLVED')
    group by changes.pair, metrics.metric, changes.cause
)

select
    'parts differ from the change' as problem, coalesce(figures.pair, explained.pair) as pair,
    coalesce(figures.scope, explained.scope) as scope, coalesce(figures.entity_id, explained.entity_id) as entity_id,
    coalesce(figures.metric, explained.metric) as metric, figures.change as expected, explained.amount as found
from figures
full outer join explained
    on
        figures.pair = explained.pair and figures.scope = explained.scope and figures.entity_id = explained.entity_id
        and figures.metric = explained.metric
where
    coalesce(figures.change, 0) != coalesce(explained.amount, 0)
    or coalesce(figures.change, 0) != coalesce(explained.change, 0)
union all
select
    'the figure is not the published one' as problem, expected.pair, expected.scope, expected.entity_id, expected.metric,
    expected.value as expected, figures.to_value as found
from expected
left join figures
    on
        expected.pair = figures.pair and expected.scope = figures.scope and expected.entity_id = figures.entity_id
        and expected.metric = figures.metric
where expected.value != coalesce(figures.to_value, 0)
union all
select
    'deals differ from the part' as problem, behind.pair, 'company' as scope, 'ALL' as entity_id, behind.metric,
    behind.amount as expected, explained.amount as found
from behind
left join {{ ref('change_explained') }} as explained
    on
        behind.pair = explained.pair and behind.metric = explained.metric and behind.cause = explained.cause
        and explained.scope = 'company'
where behind.amount != coalesce(explained.amount, 0)
