-- Prefectures of each branch by interval: its territory, or the prefecture of its address if no extract ever had a territory
-- of it.
with territories as (
    {{ dated_history('branch_territories', ['branch_id', 'prefecture'], []) }}
)

select branch_id, prefecture, valid_from, valid_to, 'territory' as basis
from territories
union all
select branches.branch_id, branches.prefecture, {{ since_ever() }} as valid_from, {{ for_ever() }} as valid_to, 'address' as basis
from {{ ref('dim_branch') }} as branches
where
    branches.prefecture is not null
    and not exists (select 1 from territories where territories.branch_id = branches.branch_id)
