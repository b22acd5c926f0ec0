-- What an entity loses most at a step: product family, channel and reason of most of the deals that did not pass.
with lost as (
    select
        passages.branch_version_id, passages.step, coalesce(deals.channel, '') as channel,
        coalesce(products.product_family, '') as product_family, coalesce(reasons.lost_reason, '') as lost_reason
    from {{ ref('int_step_passages') }} as passages
    inner join {{ ref('fct_deals') }} as deals on passages.deal_id = deals.deal_id
    left join {{ ref('dim_product') }} as products on deals.product_id = products.product_id
    left join {{ ref('int_deals') }} as reasons on passages.deal_id = reasons.deal_id
    where passages.is_passed = 0
),

traits as (
    select branch_version_id, step, 'channel' as trait, channel as trait_value, count(*) as deals
    from lost
    group by branch_version_id, step, channel
    union all
    select branch_version_id, step, 'product_family' as trait, product_family as trait_value, count(*) as deals
    from lost
    group by branch_version_id, step, product_family
    union all
    select branch_version_id, step, 'lost_reason' as trait, lost_reason as trait_value, count(*) as deals
    from lost
    group by branch_version_id, step, lost_reason
),

counted as (
    select bridge.scope_key, traits.step, traits.trait, traits.trait_value, sum(traits.deals) as deals
    from traits
    inner join {{ ref('int_scope_bridge') }} as bridge
        on traits.branch_version_id = bridge.branch_version_id and bridge.organisation = 'as_is'
    group by bridge.scope_key, traits.step, traits.trait, traits.trait_value
),

ranked as (
    select
        *,
        sum(deals) over (partition by scope_key, step, trait) as all_deals
    from counted
)

-- Only what more than half of the lost deals have in common.
select
    scope_key,
    step,
    max(case when trait = 'channel' then trait_value end) as channel,
    max(case when trait = 'product_family' then trait_value end) as product_family,
    max(case when trait = 'lost_reason' then trait_value end) as lost_reason
from ranked
where deals * 2 > all_deals
group by scope_key, step
