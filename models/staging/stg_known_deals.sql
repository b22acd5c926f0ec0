-- The records of all deals according to each earlier extract. orchestration/knowledge.py writes them into the lake.
select * from {{ source('lake', 'known_deals') }}
