-- Credit as it was known before the latest extract date; orchestration/knowledge.py leaves it in the lake.
select * from {{ source('lake', 'known_credit') }}
