-- Fails when there is no deal at all: no file was landed, or KYOTEN_HOME is not the intended one. An empty release
-- would pass every other guard.
{{ config(meta={'dagster': {'ref': {'name': 'int_deals'}}}) }}

select count(*) as deals
from {{ ref('int_deals') }}
having count(*) = 0
