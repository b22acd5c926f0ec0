-- Every way in which a deal's text can be read as partner, branch and department. Which one holds depends on the day.
select
    text,
    partner_key,
    is_bounded,
    branch_key,
    department,
    allows_stem
from {{ source('lake', 'readings') }}
