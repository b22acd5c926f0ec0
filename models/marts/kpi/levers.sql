-- What the branches of a division, a partner or the company should work on: how many of its open branches have each lever, and
-- their headroom. The lever of one branch, with its reason, is in rep_concentration.
with branches as (
    select
        places.division_id, places.partner_id, levers.month, levers.lever, levers.evidence, headrooms.headroom_reps,
        coalesce(headrooms.headroom_amount, cast(0 as {{ money_type() }})) as headroom_amount,
        coalesce(headrooms.headroom_amount_min, cast(0 as {{ money_type() }})) as headroom_amount_min
    from {{ ref('int_levers') }} as levers
    inner join {{ ref('int_scopes') }} as places on levers.scope_key = places.scope_key
    left join {{ ref('int_headrooms') }} as headrooms on levers.scope_key = headrooms.scope_key and levers.month = headrooms.month
),

members as (
    select 'division' as scope, division_id as entity_id, * from branches where division_id is not null
    union all
    select 'partner' as scope, partner_id as entity_id, * from branches
    union all
    select 'company' as scope, 'ALL' as entity_id, * from branches
),

counted as (
    select
        scope,
        entity_id,
        case when scope != 'company' then min(partner_id) end as partner_id,
        month,
        lever,
        count(*) as branches,
        sum(case when evidence = 'fact' then 1 else 0 end) as fact_branches,
        cast(sum({{ exact('coalesce(headroom_reps, cast(0 as double))') }}) as double) as headroom_reps,
        sum(headroom_amount) as headroom_amount,
        sum(headroom_amount_min) as headroom_amount_min
    from members
    group by scope, entity_id, month, lever
)

select
    scope,
    entity_id,
    partner_id,
    month,
    lever,
    cast(branches as bigint) as branches,
    cast(fact_branches as bigint) as fact_branches,
    headroom_reps,
    cast(headroom_amount as {{ money_type() }}) as headroom_amount,
    cast(headroom_amount_min as {{ money_type() }}) as headroom_amount_min,
    case
        when lever is not null
            then cast(row_number() over (
                partition by scope, entity_id
                order by
                    case when lever is null then 1 else 0 end, headroom_amount desc nulls last, branches desc nulls last,
                    lever nulls last
            ) as integer)
    end as lever_rank
from counted
