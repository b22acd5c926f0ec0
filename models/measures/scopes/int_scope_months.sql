-- All months of every entity, without gaps: from its first branch's opening or first figure to today, with or without
-- activity.
with calendar as (
    select min(month) as first_month from {{ ref('int_months') }}
),

figures as (
    select branch_version_id, min(month) as first_month
    from (
        select branch_version_id, min(entered_month) as month from {{ ref('fct_stage_entries') }} group by branch_version_id
        union all
        select branch_version_id, min(recognized_month) as month from {{ ref('fct_revenue') }} group by branch_version_id
        union all
        select branch_version_id, min(month) as month from {{ ref('int_referrals') }} group by branch_version_id
        union all
        select branch_version_id, min(occurred_month) as month from {{ ref('fct_activities') }} group by branch_version_id
    ) as firsts
    group by branch_version_id
),

first_of_branches as (
    select versions.branch_id, min(figures.first_month) as first_month
    from figures
    inner join {{ ref('int_branch_versions') }} as versions on figures.branch_version_id = versions.branch_version_id
    group by versions.branch_id
),

-- A real branch without an opening date and without a figure has existed from the beginning.
branch_starts as (
    select
        branches.branch_id,
        coalesce(
            {{ earliest(['firsts.first_month', month_of('branches.opened_on')]) }},
            case when not branches.is_sentinel then calendar.first_month end
        ) as first_month
    from {{ ref('dim_branch') }} as branches
    cross join calendar
    left join first_of_branches as firsts on branches.branch_id = firsts.branch_id
),

starts as (
    select branch_version_id, cast(null as {{ dbt.type_string() }}) as organisation, first_month from figures
    union all
    select versions.branch_version_id, cast(null as {{ dbt.type_string() }}) as organisation, starts.first_month
    from branch_starts as starts
    inner join {{ ref('int_branch_versions') }} as versions on starts.branch_id = versions.branch_id and versions.is_current
    union all
    -- Today a branch that was split continues in each of its successors, not only in the largest.
    select versions.branch_version_id, 'as_is' as organisation, starts.first_month
    from branch_starts as starts
    inner join {{ ref('int_branch_successors') }} as successors on starts.branch_id = successors.branch_id
    inner join {{ ref('int_branch_versions') }} as versions
        on successors.branch_id_current = versions.branch_id and versions.is_current
),

entities as (
    select bridge.scope_key, min(starts.first_month) as first_month
    from starts
    inner join {{ ref('int_scope_bridge') }} as bridge
        on
            starts.branch_version_id = bridge.branch_version_id
            and coalesce(starts.organisation, bridge.organisation) = bridge.organisation
    where bridge.scope != 'company'
    group by bridge.scope_key
    union all
    select scopes.scope_key, calendar.first_month
    from {{ ref('int_scopes') }} as scopes
    cross join calendar
    where scopes.scope = 'company'
)

select
    entities.scope_key,
    months.month,
    months.month_end,
    months.is_complete,
    months.has_twelve_months,
    months.is_first_year
from entities
inner join {{ ref('int_months') }} as months on entities.first_month <= months.month
