-- Fails when there is not a single deal: nothing landed, or the home is another one than was meant. An empty release would pass
-- every other guard.
{{ config(meta={'dagster': {'ref': {'name': 'int_deals'}}}) }}

select count(*) as deals
from {{ ref('int_deals') }}
having count(*) = 0
