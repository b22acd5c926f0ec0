-- The figures of both days and each part of the difference. Every row of a figure has the same figures.
with figures as (
    select
        pair, measure, branch_id, division_id, partner_id, cause, deal_id, amount,
        cast(0 as {{ money_type() }}) as from_value, cast(0 as {{ money_type() }}) as to_value
    from {{ ref('change_deals') }}
    union all
    select
        pair, measure, branch_id, division_id, partner_id, cast(null as string) as cause, cast(null as string) as deal_id,
        cast(0 as {{ money_type() }}) as amount,
        case when side = 'from' then amount else cast(0 as {{ money_type() }}) end as from_value,
        case when side = 'to' then amount else cast(0 as {{ money_type() }}) end as to_value
    from {{ ref('int_change_totals') }}
),

metrics as (
    select figures.*, metrics.metric
    from figures
    inner join {{ ref('change_metrics') }} as metrics
        on
            figures.measure = metrics.measure
            and (metrics.has_direct or figures.branch_id != 'DIRECT')
            and (metrics.has_unresolved or figures.branch_id != 'UNRESOLVED')
),

scopes as (
    select 'branch' as scope
    union all
    select 'division' as scope
    union all
    select 'partner' as scope
    union all
    select 'company' as scope
),

summed as (
    select
        metrics.pair, scopes.scope,
        case scopes.scope
            when 'branch' then metrics.branch_id
            when 'division' then metrics.division_id
            when 'partner' then metrics.partner_id
            else 'ALL'
        end as entity_id,
        metrics.metric, metrics.cause,
        cast(sum(metrics.amount) as {{ money_type() }}) as amount,
        count(distinct metrics.deal_id) as deals, sum(metrics.from_value) as from_value,
        sum(metrics.to_value) as to_value
    from metrics
    cross join scopes
    group by
        metrics.pair, scopes.scope,
        case scopes.scope
            when 'branch' then metrics.branch_id
            when 'division' then metrics.division_id
            when 'partner' then metrics.partner_id
            else 'ALL'
        end,
        metrics.metric, metrics.cause
),

compared as (
    select
        *,
        sum(from_value) over figure as figure_from,
        sum(to_value) over figure as figure_to
    from summed
    window figure as (partition by pair, scope, entity_id, metric)
)

select
    compared.pair,
    compared.scope,
    compared.entity_id,
    compared.metric,
    compared.cause,
    pairs.from_on,
    pairs.to_on,
    pairs.from_known_on,
    pairs.to_known_on,
    cast(compared.figure_from as {{ money_type() }}) as from_value,
    cast(compared.figure_to as {{ money_type() }}) as to_value,
    cast(compared.figure_to - compared.figure_from as {{ money_type() }}) as change,
    cast(compared.amount as {{ money_type() }}) as amount,
    cast(compared.deals as bigint) as deals
from compared
inner join {{ ref('int_change_pairs') }} as pairs on compared.pair = pairs.pair
where compared.cause is not null and compared.amount != 0
