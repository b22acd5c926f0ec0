-- Fails when more partner deals than max_unresolved_share have no branch, by count or by money: the marts would mislead. Each
-- row names a partner behind it, largest first: the aliases or branches to ask for.
{{ config(meta={'dagster': {'ref': {'name': 'deal_attribution'}}}) }}

with partner_deals as (
    select
        facts.partner_id,
        attribution.reason,
        case when attribution.rung in ('L11', 'L12') then 1 else 0 end as is_unresolved,
        coalesce(abs(facts.amount), 0) as amount
    from {{ ref('fct_deals') }} as facts
    inner join {{ ref('deal_attribution') }} as attribution on facts.deal_id = attribution.deal_id
    where facts.branch_id != 'DIRECT'
),

shares as (
    select
        cast(sum(is_unresolved) as double) / nullif(count(*), 0) as share_of_deals,
        cast(sum(case when is_unresolved = 1 then amount end) as double) / nullif(sum(amount), 0) as share_of_amount
    from partner_deals
)

select
    partner_deals.partner_id,
    partner_deals.reason,
    count(*) as deals,
    sum(partner_deals.amount) as amount,
    max(round(shares.share_of_deals, 4)) as share_of_deals,
    max(round(shares.share_of_amount, 4)) as share_of_amount
from partner_deals
cross join shares
where
    partner_deals.is_unresolved = 1
    and (
        shares.share_of_deals > {{ var('max_unresolved_share') }}
        or shares.share_of_amount > {{ var('max_unresolved_share') }}
    )
group by partner_deals.partner_id, partner_deals.reason
order by deals desc, amount desc
