-- Fails when the quarantine holds a warning that the var quarantine_severities says must stop publishing.
{{ config(meta={'dagster': {'ref': {'name': 'quarantine'}}}) }}

select reason, count(*) as deals, min(deal_id) as first_deal_id
from {{ ref('quarantine') }}
where severity = 'stop'
group by reason
