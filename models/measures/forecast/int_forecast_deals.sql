-- One row per counted deal, at today's branch, with the days and months of its stages and of its end.
with won as (
    select deal_id, month, amount from {{ ref('int_won_months') }} where is_won
),

deals as (
    select
        milestones.deal_id,
        milestones.rep_id,
        scopes.entity_id as branch_id,
        scopes.division_id,
        scopes.partner_id,
        milestones.channel_class = 'direct' as is_direct,
        coalesce(milestones.channel, 'none') as channel,
        coalesce(facts.deal_type, 'none') as deal_type,
        milestones.open_on,
        milestones.qualified_on,
        milestones.proposed_on,
        facts.amount,
        won.month as won_month,
        won.amount as won_amount,
        {{ earliest(['won.month', month_of('milestones.won_on'), month_of('milestones.lost_on')]) }} as end_month
    from {{ ref('int_deal_milestones') }} as milestones
    inner join {{ ref('fct_deals') }} as facts on milestones.deal_id = facts.deal_id
    inner join {{ ref('int_scope_bridge') }} as bridge
        on milestones.branch_version_id = bridge.branch_version_id and bridge.organisation = 'as_is' and bridge.scope = 'branch'
    inner join {{ ref('int_scopes') }} as scopes on bridge.scope_key = scopes.scope_key
    left join won on milestones.deal_id = won.deal_id
)

select
    deal_id,
    rep_id,
    branch_id,
    division_id,
    partner_id,
    is_direct,
    channel,
    deal_type,
    open_on,
    qualified_on,
    proposed_on,
    amount,
    won_amount,
    {{ month_number('open_on') }} as open_number,
    {{ month_number('won_month') }} as won_number,
    {{ month_number('end_month') }} as end_number,
    coalesce(won_month = end_month, false) as is_won
from deals
