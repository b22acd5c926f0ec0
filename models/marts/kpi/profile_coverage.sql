-- Focus branches whose headcount, evaluation scheme and focus products were reported in the fiscal year. A profile of
-- an earlier year does not count.
with years as (
    select
        {{ fiscal_year('month') }} as fiscal_year,
        max(month_end) as as_of,
        sum(case when is_complete then 1 else 0 end) = 12 as is_complete
    from {{ ref('int_months') }}
    group by {{ fiscal_year('month') }}
),

reported as (
    select
        branches.branch_id,
        years.fiscal_year,
        years.as_of,
        years.is_complete,
        max(case when profiles.sales_headcount is not null then 1 else 0 end) as headcount_known,
        max(case when profiles.evaluation_scheme is not null then 1 else 0 end) as evaluation_known,
        max(case when profiles.focus_products is not null then 1 else 0 end) as focus_products_known
    from {{ ref('dim_branch') }} as branches
    inner join years
        on
            coalesce(branches.opened_on, {{ since_ever() }}) <= years.as_of
            and coalesce(branches.closed_on, {{ for_ever() }}) > years.as_of
    left join {{ ref('int_profiles') }} as profiles
        on
            branches.branch_id = profiles.branch_id
            and years.fiscal_year = {{ fiscal_year('profiles.as_of') }}
            and profiles.as_of <= years.as_of
    where branches.is_focus and not branches.is_sentinel
    group by branches.branch_id, years.fiscal_year, years.as_of, years.is_complete
)

select
    bridge.scope,
    bridge.entity_id,
    reported.fiscal_year,
    reported.as_of,
    reported.is_complete,
    cast(sum(reported.headcount_known) as bigint) as headcount_known,
    cast(sum(reported.evaluation_known) as bigint) as evaluation_known,
    cast(sum(reported.focus_products_known) as bigint) as focus_products_known,
    cast(sum(reported.headcount_known * reported.evaluation_known * reported.focus_products_known) as bigint)
        as profile_coverage_numerator,
    count(*) as profile_coverage_denominator,
    {{ rate('sum(reported.headcount_known * reported.evaluation_known * reported.focus_products_known)', 'count(*)') }}
        as profile_coverage
from reported
inner join {{ ref('int_branch_versions') }} as versions on reported.branch_id = versions.branch_id and versions.is_current
inner join {{ ref('int_scope_bridge') }} as bridge
    on versions.branch_version_id = bridge.branch_version_id and bridge.organisation = 'as_is'
group by bridge.scope, bridge.entity_id, reported.fiscal_year, reported.as_of, reported.is_complete
