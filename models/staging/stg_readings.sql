-- Every way to read a deal's text as partner, branch and department. Which one is valid depends on the day.
select
    text,
    partner_key,
    is_bounded,
    branch_key,
    department,
    allows_stem,
    branch_stem,
    spelling
from {{ source('lake', 'readings') }}
