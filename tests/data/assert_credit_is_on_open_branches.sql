-- Fails when a deal is credited to a branch that was not open on its credit date, or that the dimension does not
-- contain. Special members are always open. Overrides are exempt, because a person is responsible for them.
{{ config(meta={'dagster': {'ref': {'name': 'deal_attribution'}}}) }}

select
    attribution.deal_id,
    attribution.branch_id,
    attribution.credit_on,
    branches.opened_on,
    branches.closed_on
from {{ ref('deal_attribution') }} as attribution
left join {{ ref('dim_branch') }} as branches on attribution.branch_id = branches.branch_id
where
    branches.branch_id is null
    or (
        attribution.rung != {{ rung_of_a_person() }}
        and not branches.is_sentinel
        and not (
            coalesce(branches.opened_on, {{ since_ever() }}) <= attribution.credit_on
            and attribution.credit_on < coalesce(branches.closed_on, {{ for_ever() }})
        )
    )
