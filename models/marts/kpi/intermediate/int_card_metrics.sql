-- The metrics of each entity and month, from the set of its phase and channel, with the reserve of the set. The sets of a
-- day replace all sets of earlier days.
with set_versions as (
    select
        phase, channel, valid_from,
        coalesce(lead(valid_from) over (partition by phase, channel order by valid_from), {{ for_ever() }}) as valid_to,
        set_size
    from (
        select phase, channel, valid_from, sum(case when is_reserve then 0 else 1 end) as set_size
        from {{ ref('kpi_sets') }}
        group by phase, channel, valid_from
    ) as versions
)

-- Entities that exist today.
select
    placed.scope_key, placed.scope, placed.entity_id, placed.month, placed.is_complete, placed.phase, placed.channel,
    sets.metric, sets.kpi_rank, sets.is_reserve, versions.set_size, metrics.time_window,
    metrics.unit in ('count', 'persons', 'JPY') and metrics.direction = 'up' as is_quantity,
    -- Figures of the network exist only for the company.
    metrics.model != 'network_monthly' or placed.scope = 'company' as is_of_scope,
    -- A month is too short for a branch, where most months have no deal.
    metrics.time_window = 'month' and placed.scope != 'company' as is_yearly
from {{ ref('int_phases') }} as placed
cross join {{ ref('int_as_of') }} as today
inner join set_versions as versions
    on
        placed.phase = versions.phase and placed.channel = versions.channel
        and {{ is_within('placed.month_end', 'versions.valid_from', 'versions.valid_to') }}
inner join {{ ref('kpi_sets') }} as sets
    on versions.phase = sets.phase and versions.channel = sets.channel and versions.valid_from = sets.valid_from
inner join {{ ref('metrics') }} as metrics on sets.metric = metrics.metric
where not placed.is_special and placed.closed_on > today.as_of
