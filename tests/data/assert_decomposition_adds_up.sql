-- Fails where the effects of a period do not add up exactly to its change, or the money of a scope differs from the
-- ledger.
{{ config(meta={'dagster': {'ref': {'name': 'revenue_decomposition'}}}) }}

with ledger as (
    select sum(amount) as won_amount
    from {{ ref('fct_revenue') }}
    cross join {{ ref('int_as_of') }} as today
    where
        is_counted
        and channel_class = 'indirect'
        and {{ add_months('recognized_month', 1) }} <= {{ add_days('today.as_of', 1) }}
        and recognized_month >= (select {{ add_months('min(month)', 12) }} from {{ ref('int_months') }})
),

quarters as (
    select scope, sum(won_amount) as won_amount
    from {{ ref('revenue_decomposition') }}
    where period_type = 'quarter'
    group by scope
)

select scope, entity_id, period_type, period_start, change_amount as expected
from {{ ref('revenue_decomposition') }}
where
    change_amount
    != active_branches_effect + reps_per_branch_effect + wins_per_rep_effect + average_deal_effect + unassigned_effect
union all
select scopes.scope, 'all quarters', 'quarter', cast(null as date), ledger.won_amount
from ledger
cross join (select distinct scope from {{ ref('int_scopes') }}) as scopes
left join quarters on scopes.scope = quarters.scope
where ledger.won_amount is distinct from quarters.won_amount and ledger.won_amount is not null
