-- Money of deals that partners sourced, and of deals that they influenced. Sourced money is part of credit and adds up.
-- Influenced money counts a deal once for each entity that contributed to it, so it must not be added to credit.
with sourced as (
    select bridge.scope_key, won.month, won.amount as sourced_amount, 0 as influenced_amount
    from {{ ref('int_won_months') }} as won
    inner join {{ ref('int_sourced_deals') }} as sourced on won.deal_id = sourced.deal_id
    inner join {{ ref('int_scope_bridge') }} as bridge
        on won.branch_version_id = bridge.branch_version_id and bridge.organisation = 'as_was'
),

had_part as (
    select distinct influence.deal_id, bridge.scope_key
    from {{ ref('influence') }} as influence
    inner join {{ ref('fct_deals') }} as deals on influence.deal_id = deals.deal_id
    inner join {{ ref('int_branch_versions') }} as versions
        on
            influence.branch_id = versions.branch_id
            and {{ is_within('deals.credit_on', 'versions.covers_from', 'versions.valid_to') }}
    inner join {{ ref('int_scope_bridge') }} as bridge
        on versions.branch_version_id = bridge.branch_version_id and bridge.organisation = 'as_was'
),

influenced as (
    select had_part.scope_key, won.month, 0 as sourced_amount, won.amount as influenced_amount
    from had_part
    inner join {{ ref('int_won_months') }} as won on had_part.deal_id = won.deal_id
),

money as (
    select * from sourced
    union all
    select * from influenced
)

select
    scopes.scope,
    scopes.entity_id,
    money.month,
    {{ fiscal_year('money.month') }} as fiscal_year,
    {{ is_over(add_months('money.month', 1)) }} as is_complete,
    -- An amount without an exchange rate is unknown, and may be the only one of its month.
    cast(coalesce(sum(money.sourced_amount), 0) as {{ money_type() }}) as sourced_amount,
    cast(coalesce(sum(money.influenced_amount), 0) as {{ money_type() }}) as influenced_amount
from money
inner join {{ ref('int_scopes') }} as scopes on money.scope_key = scopes.scope_key
group by scopes.scope, scopes.entity_id, money.month
