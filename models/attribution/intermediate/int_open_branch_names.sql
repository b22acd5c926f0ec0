-- One row per name of a branch and interval in which the branch has that name, with the days on which it opens and closes.
select
    names.*,
    coalesce(branches.opened_on, {{ since_ever() }}) as opened_on,
    coalesce(branches.closed_on, {{ for_ever() }}) as closed_on
from {{ ref('int_branch_names') }} as names
inner join {{ ref('int_branches') }} as branches on names.branch_id = branches.branch_id
