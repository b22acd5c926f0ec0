-- Restatements found up to the extract date before the latest. orchestration/knowledge.py writes them into the lake.
select * from {{ source('lake', 'known_restatements') }}
