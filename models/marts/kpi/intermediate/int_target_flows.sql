-- Monthly counts and money of what has a target, on today's organisation, and the two sides of the indirect ratio.
with targets as (
    select distinct metric, scope, entity_id, is_flow from {{ ref('int_target_months') }}
),

-- A rep's figures include all branches at which the rep has worked.
rep_months as (
    select reps.rep_id, reps.month, reps.deals_new, reps.referrals, reps.deals_won, reps.won_amount
    from {{ ref('int_scope_rep_months') }} as reps
    inner join {{ ref('int_scopes') }} as scopes on reps.scope_key = scopes.scope_key
    where scopes.organisation = 'as_is' and scopes.scope = 'company'
)

select
    targets.metric,
    targets.scope,
    targets.entity_id,
    months.month,
    case targets.metric
        {{ additive_metrics("when 'METRIC' then cast(months.METRIC as double)", separator='') }}
        when 'indirect_ratio' then cast(months.won_amount_indirect as double)
    end as amount,
    cast(months.won_amount_indirect + months.won_amount_direct as double) as both_channels
from targets
inner join {{ ref('int_scopes') }} as scopes
    on targets.scope = scopes.scope and targets.entity_id = scopes.entity_id and scopes.organisation = 'as_is'
inner join {{ ref('int_monthly') }} as months on scopes.scope_key = months.scope_key
where targets.is_flow or (targets.metric = 'indirect_ratio' and targets.scope = 'company')
union all
select
    targets.metric,
    targets.scope,
    targets.entity_id,
    rep_months.month,
    case targets.metric
        when 'deals_new' then cast(rep_months.deals_new as double)
        when 'referrals' then cast(rep_months.referrals as double)
        when 'deals_won' then cast(rep_months.deals_won as double)
        when 'won_amount' then cast(rep_months.won_amount as double)
    end as amount,
    cast(null as double) as both_channels
from targets
inner join rep_months on targets.scope = 'rep' and targets.entity_id = rep_months.rep_id
where targets.is_flow
