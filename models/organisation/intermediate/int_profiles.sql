-- Profiles of a branch with their intervals: each profile is valid until the next one.
select
    profiles.*,
    coalesce(lead(profiles.as_of) over (partition by profiles.branch_id order by profiles.as_of), {{ for_ever() }}) as valid_to
from {{ ref('stg_branch_profiles') }} as profiles
