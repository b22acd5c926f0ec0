-- Whether support was of the prescribed mode. support_effort has its hours. A quarter has the segments of its half.
with members as (
    select bridge.scope, bridge.entity_id, versions.branch_id
    from {{ ref('int_branch_versions') }} as versions
    inner join {{ ref('int_scope_bridge') }} as bridge
        on versions.branch_version_id = bridge.branch_version_id and versions.is_current and bridge.organisation = 'as_is'
),

-- Whether a list of focus products names one of ours.
own_products as (
    select
        lists.focus_products,
        max(
            case
                when
                    {{ dbt.concat(["';'", "replace(lists.focus_products, ' ', '')", "';'"]) }}
                    like {{ dbt.concat(["'%;'", "products.product_id", "';%'"]) }}
                    then 1
                else 0
            end
        ) as names_ours
    from (select distinct focus_products from {{ ref('int_known_profiles') }} where focus_products is not null) as lists
    cross join {{ ref('dim_product') }} as products
    group by lists.focus_products
),

inbound as (
    select
        branches.current_branch_id as branch_id, {{ month_of('milestones.open_on') }} as month, count(*) as deals
    from {{ ref('int_sourced_deals') }} as sourced
    inner join {{ ref('int_deal_milestones') }} as milestones on sourced.deal_id = milestones.deal_id
    inner join {{ ref('dim_branch') }} as branches on milestones.branch_id = branches.branch_id
    where milestones.open_on is not null
    group by branches.current_branch_id, {{ month_of('milestones.open_on') }}
),

inbound_quarters as (
    select quarters.branch_id, quarters.quarter_start, sum(inbound.deals) as deals
    from {{ ref('int_support_quarters') }} as quarters
    inner join inbound
        on
            quarters.branch_id = inbound.branch_id
            and inbound.month >= quarters.quarter_start and inbound.month <= quarters.quarter_end
    group by quarters.branch_id, quarters.quarter_start
),

products as (
    select quarters.branch_id, quarters.quarter_start, own_products.names_ours
    from {{ ref('int_support_quarters') }} as quarters
    inner join {{ ref('int_known_profiles') }} as profiles
        on
            quarters.branch_id = profiles.branch_id and not profiles.is_inherited
            and {{ is_within('quarters.quarter_end', 'profiles.valid_from', 'profiles.valid_to') }}
    inner join own_products on profiles.focus_products = own_products.focus_products
),

judged as (
    select
        quarters.*,
        segments.potential_level,
        segments.support_mode,
        {{ observed_mode('quarters.live_touches', 'quarters.mass_touches', '1', 'quarters.has_account_manager') }} as observed_mode,
        products.names_ours,
        coalesce(inbound_quarters.deals, 0) as inbound_deals
    from {{ ref('int_support_quarters') }} as quarters
    left join {{ ref('int_segments') }} as segments
        on
            quarters.branch_id = segments.branch_id
            and quarters.quarter_start >= segments.period_start and quarters.quarter_start <= segments.period_end
    left join products on quarters.branch_id = products.branch_id and quarters.quarter_start = products.quarter_start
    left join inbound_quarters
        on quarters.branch_id = inbound_quarters.branch_id and quarters.quarter_start = inbound_quarters.quarter_start
),

counted as (
    select
        members.scope,
        members.entity_id,
        judged.fiscal_year,
        judged.fiscal_quarter,
        judged.quarter_start,
        judged.quarter_end,
        judged.is_over,
        count(*) as branches,
        count(judged.support_mode) as placed_branches,
        sum(case when judged.support_mode != judged.observed_mode then 1 else 0 end) as mismatched,
        sum(case when judged.support_mode = 'high_touch' and judged.observed_mode != 'high_touch' then 1 else 0 end) as too_little,
        sum(case when judged.support_mode = 'tech_touch' and judged.observed_mode = 'high_touch' then 1 else 0 end) as too_much,
        sum(case when judged.potential_level = 'high' and judged.names_ours is not null then 1 else 0 end) as asked,
        sum(case when judged.potential_level = 'high' then coalesce(judged.names_ours, 0) else 0 end) as adopted,
        sum(case when judged.support_mode = 'tech_touch' then 1 else 0 end) as tech_branches,
        sum(case when judged.support_mode = 'tech_touch' then judged.inbound_deals else 0 end) as tech_inbound
    from members
    inner join judged on members.branch_id = judged.branch_id
    group by
        members.scope, members.entity_id, judged.fiscal_year, judged.fiscal_quarter, judged.quarter_start, judged.quarter_end,
        judged.is_over
)

select
    scope,
    entity_id,
    fiscal_year,
    fiscal_quarter,
    quarter_start,
    quarter_end,
    is_over,
    branches,
    cast(mismatched as bigint) as mode_mismatch_numerator,
    placed_branches as mode_mismatch_denominator,
    {{ rate('mismatched', 'placed_branches') }} as mode_mismatch,
    cast(too_little as bigint) as branches_with_too_little,
    cast(too_much as bigint) as branches_with_too_much,
    cast(adopted as bigint) as focus_adoption_numerator,
    cast(asked as bigint) as focus_adoption_denominator,
    {{ rate('adopted', 'asked') }} as focus_adoption,
    cast(tech_inbound as bigint) as inbound_deal_rate_numerator,
    cast(tech_branches as bigint) as inbound_deal_rate_denominator,
    {{ rate('tech_inbound', 'tech_branches') }} as inbound_deal_rate
from counted
