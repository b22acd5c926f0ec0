-- Each join is on the key of the joined table, so the number of rows is that of the deals.
select
    deals.deal_id,
    deals.deal_name,
    attribution.branch_id,
    attribution.branch_version_id,
    attribution.branch_id_current,
    attribution.partner_id,
    attribution.rep_id,
    attribution.originating_rep_id,
    case
        when attribution.branch_id = 'DIRECT' then 'direct'
        when attribution.branch_id = 'UNRESOLVED' then 'unresolved'
        else 'indirect'
    end as channel_class,
    attribution.is_resolved,
    deals.customer_id,
    deals.product_id,
    deals.owner_staff_id,
    deals.channel,
    deals.deal_type,
    deals.stage,
    deals.status,
    duplicates.deal_id is null as is_counted,
    deals.credit_on,
    deals.created_on,
    case when deals.status = 'won' then deals.recognized_on end as won_on,
    deals.closed_on,
    deals.expected_close_on,
    deals.amount,
    deals.currency,
    cast(deals.amount_in_currency as decimal(18, 4)) as amount_in_currency,
    deals.amount_source
from {{ ref('int_deals') }} as deals
left join {{ ref('deal_attribution') }} as attribution on deals.deal_id = attribution.deal_id
left join {{ ref('int_duplicate_deals') }} as duplicates on deals.deal_id = duplicates.deal_id
