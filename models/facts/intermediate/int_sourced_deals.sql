-- Deals that a partner sourced: the partner registered or referred them. A lead that the vendor had passed on before is
-- not sourced by the partner.
with supplied as (
    select deal_id, min({{ business_date('passed_at') }}) as passed_on
    from {{ ref('stg_leads_supplied') }}
    where deal_id is not null
    group by deal_id
),

registered as (
    select deal_id, min({{ business_date('submitted_at') }}) as submitted_on
    from {{ ref('stg_deal_registrations') }}
    where deal_id is not null and status = 'approved' and coalesce(submitted_by, 'partner') = 'partner'
    group by deal_id
)

select deals.deal_id
from {{ ref('fct_deals') }} as deals
left join registered on deals.deal_id = registered.deal_id
left join supplied on deals.deal_id = supplied.deal_id
where
    deals.channel_class = 'indirect'
    and (registered.deal_id is not null or deals.channel in ('referral', 'matching'))
    and (supplied.deal_id is null or supplied.passed_on > coalesce(registered.submitted_on, deals.created_on, deals.credit_on))
