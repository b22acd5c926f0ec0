-- People, branches and partners that an entity gained, kept and lost in a month.
with counted as (
    select
        flows.scope_key,
        flows.member_type,
        flows.status,
        flows.month,
        sum(case when flows.flow in ('kept', 'lost') then 1 else 0 end) as members_start,
        sum(case when flows.flow = 'gained' then 1 else 0 end) as gained,
        sum(case when flows.flow = 'returned' then 1 else 0 end) as returned,
        sum(case when flows.flow = 'kept' then 1 else 0 end) as kept,
        sum(case when flows.flow = 'lost' then 1 else 0 end) as lost,
        sum(case when losses.is_lapsed then 1 else 0 end) as lapsed,
        sum(case when flows.flow != 'lost' then 1 else 0 end) as members_end
    from {{ ref('int_status_flows') }} as flows
    left join {{ ref('int_status_losses') }} as losses
        on
            flows.scope_key = losses.scope_key and flows.status = losses.status
            and flows.member_type = losses.member_type and flows.member_id = losses.member_id and flows.month = losses.month
    group by flows.scope_key, flows.member_type, flows.status, flows.month
)

select
    scopes.scope,
    scopes.entity_id,
    case when scopes.scope = 'branch' then scopes.entity_id end as branch_id,
    scopes.partner_id,
    counted.member_type,
    counted.status,
    counted.month,
    {{ fiscal_year('counted.month') }} as fiscal_year,
    {{ fiscal_half('counted.month') }} as fiscal_half,
    {{ fiscal_quarter('counted.month') }} as fiscal_quarter,
    months.is_complete,
    cast(counted.members_start as bigint) as members_start,
    cast(counted.gained as bigint) as gained,
    cast(counted.returned as bigint) as returned,
    cast(counted.kept as bigint) as kept,
    cast(counted.lost as bigint) as lost,
    cast(counted.lapsed as bigint) as lapsed,
    cast(counted.members_end as bigint) as members_end
from counted
inner join {{ ref('int_scopes') }} as scopes on counted.scope_key = scopes.scope_key and not scopes.is_special
inner join {{ ref('int_months') }} as months on counted.month = months.month
