{{ config(schema='intermediate') }}

-- How the money of twelve months spreads over those who won it: of each known branch, of its partner's branches, and of all.
-- noqa: disable=LT02
{% set scopes = {'company': "'ALL'", 'partner': 'partner_id', 'branch': 'branch_id'} -%}

with reps as (
    select
        years.month,
        branches.branch_id,
        branches.partner_id,
        -- A rep whose returns outweigh the wins makes no share of the money.
        cast(greatest(sum(years.won_amount), 0) as {{ money_type() }}) as won_amount
    from {{ ref('int_rep_years') }} as years
    inner join {{ ref('dim_branch') }} as branches on years.branch_id = branches.branch_id and not branches.is_sentinel
    where years.rep_id != 'NONE'
    group by years.month, branches.branch_id, branches.partner_id, years.rep_id
    having sum(years.deals_won) > 0
)

{% for scope, entity in scopes.items() -%}
select
    '{{ scope }}' as scope,
    {{ entity }} as entity_id,
    month,
    count(*) as producing_reps,
    sum(won_amount) as won_amount,
    max(won_amount) as top_rep_amount,
    -- Squares are summed as decimals: a sum of floats depends on the order of its rows.
    cast(sum(cast(won_amount as decimal(19, 2)) * cast(won_amount as decimal(19, 2))) as double) as squares,
    {{ median('won_amount') }} as median_rep_amount
from reps
group by {{ entity ~ ', ' if scope != 'company' }}month
{{ 'union all' if not loop.last }}
{% endfor %}
