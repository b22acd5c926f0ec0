-- Restatements found up to the extract date before the latest; orchestration/knowledge.py leaves them in the lake.
select * from {{ source('lake', 'known_restatements') }}
