-- The join is on the deal, and fct_deals has one row per deal.
with days as (
    select * from {{ ref('int_stage_days') }}
),

entries as (
    select deal_id, 'open' as stage, open_on as entered_on from days where open_on is not null
    union all
    select deal_id, 'qualified' as stage, qualified_on as entered_on from days where qualified_on is not null
    union all
    select deal_id, 'proposed' as stage, proposed_on as entered_on from days where proposed_on is not null
    union all
    select deal_id, 'won' as stage, won_on as entered_on from days where won_on is not null
    union all
    select deal_id, 'lost' as stage, lost_on as entered_on from days where lost_on is not null
)

select
    entries.deal_id,
    facts.branch_id,
    facts.branch_version_id,
    facts.branch_id_current,
    facts.partner_id,
    facts.rep_id,
    facts.channel_class,
    facts.channel,
    facts.is_counted,
    entries.stage,
    entries.entered_on,
    {{ month_of('entries.entered_on') }} as entered_month
from entries
left join {{ ref('fct_deals') }} as facts on entries.deal_id = facts.deal_id
