-- Fails when more partner deals than max_unresolved_share have no branch, by count or by money: the marts would
-- mislead. The rows are the few items to fix, the largest first, each with the shares that would remain after it: a
-- text, address or id that is not registered, otherwise the partner whose deals do not name branches.
{{ config(meta={'dagster': {'ref': {'name': 'deal_attribution'}}}) }}

with unknown_values as (
    select deal_id, min(raw_value) as unknown_value
    from {{ ref('deal_evidence') }}
    where status = 'ineligible' and reason in ('PARTNER_UNKNOWN', 'BRANCH_UNKNOWN')
    group by deal_id
),

partner_deals as (
    select
        facts.deal_id,
        facts.partner_id,
        attribution.reason,
        unknown_values.unknown_value,
        case when facts.is_resolved then 0 else 1 end as is_unresolved,
        coalesce(abs(facts.amount), 0) as amount
    from {{ ref('fct_deals') }} as facts
    inner join {{ ref('deal_attribution') }} as attribution on facts.deal_id = attribution.deal_id
    left join unknown_values on facts.deal_id = unknown_values.deal_id
    where facts.is_resolved is not null
),

totals as (
    select
        count(*) as deals,
        sum(amount) as amount,
        sum(is_unresolved) as unresolved_deals,
        sum(case when is_unresolved = 1 then amount else 0 end) as unresolved_amount
    from partner_deals
),

gaps as (
    select partner_id, reason, unknown_value, count(*) as deals, sum(amount) as amount
    from partner_deals
    where is_unresolved = 1
    group by partner_id, reason, unknown_value
),

mended as (
    select
        *,
        sum(deals) over (order by amount desc, deals desc, partner_id, reason, unknown_value) as deals_up_to_here,
        sum(amount) over (order by amount desc, deals desc, partner_id, reason, unknown_value) as amount_up_to_here
    from gaps
),

shares as (
    select
        mended.partner_id,
        mended.reason,
        mended.unknown_value,
        mended.deals,
        mended.amount,
        cast(totals.unresolved_deals - mended.deals_up_to_here as double) / totals.deals as share_of_deals_left,
        coalesce(cast(totals.unresolved_amount - mended.amount_up_to_here as double) / nullif(totals.amount, 0), 0)
            as share_of_amount_left,
        cast(totals.unresolved_deals - mended.deals_up_to_here + mended.deals as double) / totals.deals as share_of_deals_before,
        coalesce(
            cast(totals.unresolved_amount - mended.amount_up_to_here + mended.amount as double) / nullif(totals.amount, 0), 0
        ) as share_of_amount_before
    from mended
    cross join totals
)

select
    partner_id,
    reason,
    unknown_value,
    deals,
    amount,
    round(share_of_deals_left, 4) as share_of_deals_left,
    round(share_of_amount_left, 4) as share_of_amount_left
from shares
where
    share_of_deals_before > {{ var('max_unresolved_share') }}
    or share_of_amount_before > {{ var('max_unresolved_share') }}
order by amount desc, deals desc
