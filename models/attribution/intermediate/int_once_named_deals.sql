-- Deals for which some extract named a partner: by an id, an address or a text.
select deal_id
from {{ ref('int_deals') }}
where ever_named_a_partner
union
select extracts.deal_id
from {{ ref('stg_deal_extracts') }} as extracts
inner join {{ ref('stg_texts') }} as texts on extracts.partner_text = texts.text
where not texts.is_nobody
