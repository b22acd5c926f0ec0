-- Where each branch belonged according to each earlier extract. orchestration/knowledge.py writes it into the lake.
select * from {{ source('lake', 'known_branches') }}
