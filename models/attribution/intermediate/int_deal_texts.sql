-- One row per deal with texts about its partner side. Texts that mean "no partner" (なし, 直販, -) count as empty.
with deals as (
    select * from {{ ref('int_deals') }} where coalesce(partner_text, branch_text, rep_text) is not null
),

texts as (
    select text, is_nobody from {{ ref('stg_texts') }}
)

select
    deals.deal_id,
    deals.credit_on,
    deals.channel,
    deals.created_on,
    case when not coalesce(partner_texts.is_nobody, false) then deals.partner_text end as partner_text,
    case when not coalesce(branch_texts.is_nobody, false) then deals.branch_text end as branch_text,
    case when not coalesce(rep_texts.is_nobody, false) then deals.rep_text end as rep_text
from deals
left join texts as partner_texts on deals.partner_text = partner_texts.text
left join texts as branch_texts on deals.branch_text = branch_texts.text
left join texts as rep_texts on deals.rep_text = rep_texts.text
