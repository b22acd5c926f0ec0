-- Fails when the quarantine contains a warning that stops publishing according to the var quarantine_severities.
{{ config(meta={'dagster': {'ref': {'name': 'quarantine'}}}) }}

select reason, count(*) as deals, min(deal_id) as first_deal_id
from {{ ref('quarantine') }}
where severity = 'stop'
group by reason
