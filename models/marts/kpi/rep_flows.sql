-- People, branches and partners that an entity gained, kept and lost in a month.
with months as (
    select
        month,
        {{ month_number('month') }} as month_number,
        min({{ month_number('month') }}) over () as first_number
    from {{ ref('int_months') }}
),

moves as (
    select
        flows.scope_key,
        flows.member_type,
        flows.status,
        flows.month,
        sum(case when flows.flow = 'gained' then 1 else 0 end) as gained,
        sum(case when flows.flow = 'returned' then 1 else 0 end) as returned,
        sum(case when flows.flow = 'lost' then 1 else 0 end) as lost,
        sum(case when losses.is_lapsed then 1 else 0 end) as lapsed
    from {{ ref('int_status_flows') }} as flows
    left join {{ ref('int_status_losses') }} as losses
        on
            flows.scope_key = losses.scope_key and flows.status = losses.status
            and flows.member_type = losses.member_type and flows.member_id = losses.member_id and flows.month = losses.month
    where flows.flow != 'kept'
    group by flows.scope_key, flows.member_type, flows.status, flows.month
),

keeps as (
    select stays.scope_key, stays.member_type, stays.status, months.month, count(*) as kept
    from {{ ref('int_member_stays') }} as stays
    inner join months
        on
            months.month_number > stays.first_number and months.month_number <= stays.last_number
            and {{ has_window_before('stays.status', 'months') }}
    group by stays.scope_key, stays.member_type, stays.status, months.month
),

counted as (
    select
        coalesce(moves.scope_key, keeps.scope_key) as scope_key,
        coalesce(moves.member_type, keeps.member_type) as member_type,
        coalesce(moves.status, keeps.status) as status,
        coalesce(moves.month, keeps.month) as month,
        coalesce(moves.gained, 0) as gained,
        coalesce(moves.returned, 0) as returned,
        coalesce(keeps.kept, 0) as kept,
        coalesce(moves.lost, 0) as lost,
        coalesce(moves.lapsed, 0) as lapsed
    from moves
    full outer join keeps
        on
            moves.scope_key = keeps.scope_key and moves.member_type = keeps.member_type
            and moves.status = keeps.status and moves.month = keeps.month
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
    cast(counted.kept + counted.lost as bigint) as members_start,
    cast(counted.gained as bigint) as gained,
    cast(counted.returned as bigint) as returned,
    cast(counted.kept as bigint) as kept,
    cast(counted.lost as bigint) as lost,
    cast(counted.lapsed as bigint) as lapsed,
    cast(counted.kept + counted.gained + counted.returned as bigint) as members_end
from counted
inner join {{ ref('int_scopes') }} as scopes on counted.scope_key = scopes.scope_key and not scopes.is_special
inner join {{ ref('int_months') }} as months on counted.month = months.month
