-- Two deals for one customer at the same time: one of a partner and one direct, or one each of two partners.
with deals as (
    select
        milestones.deal_id,
        deals.customer_id,
        milestones.branch_id,
        milestones.partner_id,
        milestones.channel_class,
        milestones.open_on,
        coalesce({{ earliest(['milestones.won_on', 'milestones.lost_on']) }}, {{ for_ever() }}) as ended_on
    from {{ ref('int_deal_milestones') }} as milestones
    inner join {{ ref('fct_deals') }} as deals on milestones.deal_id = deals.deal_id
    where deals.customer_id is not null and milestones.channel_class != 'unresolved' and milestones.open_on is not null
)

select
    deals.customer_id,
    deals.deal_id,
    others.deal_id as other_deal_id,
    case when others.channel_class = 'direct' then 'direct_and_partner' else 'two_partners' end as conflict_kind,
    deals.branch_id,
    deals.partner_id,
    others.branch_id as other_branch_id,
    others.partner_id as other_partner_id,
    greatest(deals.open_on, others.open_on) as conflict_from,
    -- Null while both are open.
    nullif(least(deals.ended_on, others.ended_on), {{ for_ever() }}) as conflict_to
from deals
-- Each pair once: the partner's deal first; of two partners' deals, the one with the lower id.
inner join deals as others
    on
        deals.customer_id = others.customer_id
        and deals.channel_class = 'indirect'
        and deals.partner_id != others.partner_id
        and (others.channel_class = 'direct' or deals.deal_id < others.deal_id)
        and deals.open_on < others.ended_on
        and others.open_on < deals.ended_on
