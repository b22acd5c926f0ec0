-- Wins of each salesperson for an entity in a fiscal year, half and quarter, and in those months a year before. The
-- current, incomplete period contains only its complete months.
with won as (
    select
        bridge.scope_key, credit.month, places.entity_id as branch_id, credit.rep_id,
        sum(credit.won_amount) as won_amount, sum(credit.deals_won) as deals_won
    from {{ ref('int_rep_credit') }} as credit
    inner join {{ ref('int_scope_bridge') }} as bridge
        on
            credit.branch_version_id = bridge.branch_version_id
            and credit.organisation = bridge.organisation
            and bridge.organisation = 'as_is'
    -- The branch today. Wins are mapped to it here; money is already there in as-is figures.
    inner join {{ ref('int_scope_bridge') }} as places
        on
            credit.branch_version_id = places.branch_version_id
            and places.organisation = 'as_is'
            and places.scope = 'branch'
    where credit.channel_class = 'indirect'
    group by bridge.scope_key, credit.month, places.entity_id, credit.rep_id
),

sides as (
    select scope_key, month, branch_id, rep_id, won_amount, deals_won, false as is_previous from won
    union all
    select scope_key, {{ add_months('month', 12) }} as month, branch_id, rep_id, won_amount, deals_won, true as is_previous from won
),

-- Complete months from the second year on: an incomplete month cannot be compared with a whole one, and the first year
-- has no year before.
calendar as (
    select {{ add_months('min(months.month)', 12) }} as first_month, max(months.month) as last_month
    from {{ ref('int_months') }} as months
    where months.is_complete
),

period_types as (
    select 'year' as period_type, 12 as months
    union all
    select 'half' as period_type, 6 as months
    union all
    select 'quarter' as period_type, 3 as months
),

dated as (
    select
        period_types.period_type,
        period_types.months,
        {{ add_months('sides.month', '-mod(' ~ fiscal_month('sides.month') ~ ' - 1, period_types.months)') }} as period_start,
        sides.*
    from sides
    inner join calendar on sides.month >= calendar.first_month and sides.month <= calendar.last_month
    cross join period_types
)

select
    scopes.scope,
    scopes.entity_id,
    dated.period_type,
    dated.months,
    dated.period_start,
    dated.is_previous,
    dated.branch_id,
    dated.rep_id,
    branches.is_sentinel,
    -- Money of an unknown branch or rep has no factors; it is a separate part.
    dated.rep_id != 'NONE' and not branches.is_sentinel as is_known,
    sum(dated.won_amount) as won_amount,
    sum(dated.deals_won) as deals_won
from dated
inner join {{ ref('int_scopes') }} as scopes on dated.scope_key = scopes.scope_key
inner join {{ ref('dim_branch') }} as branches on dated.branch_id = branches.branch_id
group by
    scopes.scope, scopes.entity_id, dated.period_type, dated.months, dated.period_start, dated.is_previous, dated.branch_id,
    dated.rep_id, branches.is_sentinel
