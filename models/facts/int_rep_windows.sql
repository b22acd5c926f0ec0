{{ config(schema='intermediate') }}

-- Which salespeople keep winning, and whose money is at risk because they are gone, over windows that end with the month.
-- noqa: disable=LT02,LT05,AM06
{% set scopes = {'company': "'ALL'", 'partner': 'reps.partner_id', 'branch': 'reps.branch_id'} -%}

with producing as (
    {% for scope, entity in scopes.items() -%}
    select
        '{{ scope }}' as scope, {{ entity }} as entity_id, reps.rep_id, months.month,
        max(case when reps.month > {{ add_months('months.month', -6) }} then 1 else 0 end) as is_producing,
        max(case when reps.month <= {{ add_months('months.month', -6) }} then 1 else 0 end) as was_producing
    from {{ ref('rep_monthly') }} as reps
    inner join {{ ref('int_months') }} as months
        on reps.month > {{ add_months('months.month', -12) }} and reps.month <= months.month
    where reps.deals_won > 0 and reps.rep_id != 'NONE'
    group by 1, 2, 3, 4
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- Reps who stood at a branch a quarter ago and do not at the month's end, and where they stand instead.
gone as (
    select before.rep_id, before.branch_id, branches.partner_id, months.month
    from {{ ref('int_months') }} as months
    inner join {{ ref('int_known_reps') }} as before on before.month = {{ add_months('months.month', -3) }}
    inner join {{ ref('dim_branch') }} as branches on before.branch_id = branches.branch_id
    left join {{ ref('int_known_reps') }} as still
        on before.rep_id = still.rep_id and before.branch_id = still.branch_id and months.month = still.month
    where still.rep_id is null
),

elsewhere as (
    select distinct gone.rep_id, gone.month, still.branch_id, branches.partner_id
    from gone
    inner join {{ ref('int_known_reps') }} as still on gone.rep_id = still.rep_id and gone.month = still.month
    inner join {{ ref('dim_branch') }} as branches on still.branch_id = branches.branch_id
),

-- A move to another branch is a loss to the branch and none to the partner.
leavers as (
    {% for scope, entity in scopes.items() -%}
    {%- set column = entity | replace('reps.', '') -%}
    select distinct '{{ scope }}' as scope, {{ entity | replace('reps.', 'gone.') }} as entity_id, gone.rep_id, gone.month
    from gone
    left join elsewhere
        on gone.rep_id = elsewhere.rep_id and gone.month = elsewhere.month
        {%- if scope != 'company' %} and gone.{{ column }} = elsewhere.{{ column }}{% endif %}
    where elsewhere.rep_id is null
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

at_risk as (
    {% for scope, entity in scopes.items() -%}
    select leavers.scope, leavers.entity_id, leavers.month, sum(reps.won_amount) as revenue_at_risk
    from leavers
    inner join {{ ref('int_rep_years') }} as reps
        on leavers.rep_id = reps.rep_id and leavers.entity_id = {{ entity }} and leavers.month = reps.month
    where leavers.scope = '{{ scope }}'
    group by leavers.scope, leavers.entity_id, leavers.month
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    scope, entity_id, month,
    sum(was_producing) as producers_before,
    sum(was_producing * is_producing) as producers_kept,
    sum(revenue_at_risk) as revenue_at_risk
from (
    select scope, entity_id, month, was_producing, is_producing, 0 as revenue_at_risk from producing
    union all
    select scope, entity_id, month, 0 as was_producing, 0 as is_producing, revenue_at_risk from at_risk
) as sides
group by scope, entity_id, month
