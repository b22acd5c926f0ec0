-- A large company is many branches on the map: larger entities are counts and sums of their branches, never a place of
-- their own.
with members as (
    select bridge.scope, bridge.entity_id, versions.branch_id
    from {{ ref('int_branch_versions') }} as versions
    inner join {{ ref('int_scope_bridge') }} as bridge
        on
            versions.branch_version_id = bridge.branch_version_id
            and versions.is_current and bridge.organisation = 'as_is' and bridge.scope != 'branch'
)

select
    members.scope,
    members.entity_id,
    segments.fiscal_year,
    segments.fiscal_half,
    segments.period_start,
    segments.period_end,
    segments.is_over,
    count(*) as branches,
    cast(sum(case when segments.segment = 'high_potential_no_result' then 1 else 0 end) as bigint) as high_potential_no_result,
    cast(sum(case when segments.segment = 'high_potential_with_result' then 1 else 0 end) as bigint) as high_potential_with_result,
    cast(sum(case when segments.segment = 'low_potential_no_result' then 1 else 0 end) as bigint) as low_potential_no_result,
    cast(sum(case when segments.segment = 'low_potential_with_result' then 1 else 0 end) as bigint) as low_potential_with_result,
    cast(sum(case when segments.segment = 'unknown' then 1 else 0 end) as bigint) as unknown_potential,
    max(segments.potential_score) as max_potential_score,
    cast(sum(segments.result) as {{ money_type() }}) as result,
    cast(coalesce(sum(case when segments.potential_level = 'high' then segments.result end), 0) as {{ money_type() }})
        as result_high_potential
from members
inner join {{ ref('int_segments') }} as segments on members.branch_id = segments.branch_id
group by
    members.scope, members.entity_id, segments.fiscal_year, segments.fiscal_half, segments.period_start, segments.period_end,
    segments.is_over
