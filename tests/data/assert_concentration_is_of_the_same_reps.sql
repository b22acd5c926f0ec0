-- Fails when a month of an entity is missing from rep_concentration, has another number of producing reps than the
-- monthly marts of today's organisation, or has shares that are impossible for that number.
{{ config(meta={'dagster': {'ref': {'name': 'rep_concentration'}}}) }}

select
    scopes.scope,
    scopes.entity_id,
    months.month,
    months.reps_producing_t12m,
    concentration.producing_reps,
    concentration.rep_hhi,
    concentration.top_rep_share
from {{ ref('int_monthly') }} as months
inner join {{ ref('int_scopes') }} as scopes on months.scope_key = scopes.scope_key
left join {{ ref('rep_concentration') }} as concentration
    on
        scopes.scope = concentration.scope
        and scopes.entity_id = concentration.entity_id
        and months.month = concentration.month
where
    scopes.organisation = 'as_is'
    and not scopes.is_special
    and (
        concentration.entity_id is null
        or concentration.producing_reps != months.reps_producing_t12m
        or concentration.rep_hhi > 1.000001
        or concentration.rep_hhi * concentration.producing_reps < 0.999999
        or concentration.top_rep_share * concentration.producing_reps < 0.999999
    )
