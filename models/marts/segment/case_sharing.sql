-- Cases by the quarter in which they were recorded: how many were shared with a sister branch, adopted, and followed by a win.
with shares as (
    select
        shares.case_id,
        count(*) as shares,
        sum(case when shares.adopted_on is not null then 1 else 0 end) as adopted
    from {{ ref('int_case_shares') }} as shares
    group by shares.case_id
),

succeeded as (
    select case_id, count(*) as won from {{ ref('int_rollouts') }} where outcome = 'succeeded' group by case_id
),

cases as (
    select
        cases.case_id, cases.kind, cases.is_shareable, {{ month_of('cases.recorded_on') }} as month, versions.branch_version_id,
        case when shares.case_id is not null then 1 else 0 end as is_shared,
        coalesce(shares.shares, 0) as shares,
        coalesce(shares.adopted, 0) as adopted,
        coalesce(succeeded.won, 0) as won
    from {{ ref('int_cases') }} as cases
    inner join {{ ref('dim_branch_history') }} as versions on cases.branch_id = versions.branch_id and versions.is_current
    left join shares on cases.case_id = shares.case_id
    left join succeeded on cases.case_id = succeeded.case_id
    where cases.kind in ('success', 'failure')
),

counted as (
    select
        bridge.scope,
        bridge.entity_id,
        periods.fiscal_year,
        periods.fiscal_quarter,
        periods.first_month as period_start,
        periods.is_complete,
        count(*) as cases_captured,
        sum(case when cases.kind = 'failure' then 1 else 0 end) as failures_captured,
        sum(case when cases.is_shareable then 1 else 0 end) as shareable,
        sum(case when cases.is_shareable then cases.is_shared else 0 end) as shared,
        sum(cases.shares) as case_shares,
        sum(cases.adopted) as case_adoptions,
        sum(cases.won) as shares_won
    from cases
    inner join ({{ fiscal_periods('quarter') }}) as periods
        on cases.month >= periods.first_month and cases.month < periods.next_month
    inner join {{ ref('int_scope_bridge') }} as bridge
        on cases.branch_version_id = bridge.branch_version_id and bridge.organisation = 'as_is'
    group by
        bridge.scope, bridge.entity_id, periods.fiscal_year, periods.fiscal_quarter, periods.first_month, periods.is_complete
)

select
    scope,
    entity_id,
    fiscal_year,
    fiscal_quarter,
    period_start,
    is_complete,
    cases_captured,
    cast(failures_captured as bigint) as failures_captured,
    cast(shared as bigint) as bridge_rate_numerator,
    cast(shareable as bigint) as bridge_rate_denominator,
    {{ rate('shared', 'shareable') }} as bridge_rate,
    cast(case_shares as bigint) as case_shares,
    cast(case_adoptions as bigint) as case_adoptions,
    cast(shares_won as bigint) as shares_won
from counted
