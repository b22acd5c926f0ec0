-- Credit as it was known before the latest extract date. orchestration/knowledge.py writes it into the lake.
select * from {{ source('lake', 'known_credit') }}
