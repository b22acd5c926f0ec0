-- Fails when a deal has a text that the names step has not processed. The step ran before the deals were loaded, and
-- matching would miss the text.
{{ config(meta={'dagster': {'ref': {'name': 'int_deals'}}}) }}

with typed as (
    select deal_id, partner_text as text from {{ ref('int_deals') }} where partner_text is not null
    union all
    select deal_id, branch_text as text from {{ ref('int_deals') }} where branch_text is not null
    union all
    select deal_id, rep_text as text from {{ ref('int_deals') }} where rep_text is not null
)

select typed.text, count(*) as deals, min(typed.deal_id) as first_deal_id
from typed
left join {{ ref('stg_texts') }} as texts on typed.text = texts.text
where texts.text is null
group by typed.text
