-- Inquiries of companies that want to become partners.
select
    inquiry_id,
    {{ business_date('received_at') }} as received_on,
    kind,
    company_name,
    industry,
    prefecture,
    became_partner_id
from {{ ref('stg_inquiries') }}
where kind in ('resale', 'referral', 'oem')
