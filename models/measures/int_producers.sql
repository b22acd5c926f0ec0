-- Distribution of the money of twelve months over the salespeople of an entity who won it.
with reps as (
    -- A rep whose returns exceed the wins has no share of the money.
    select scope_key, month, cast(greatest(won_amount, 0) as {{ money_type() }}) as won_amount
    from {{ ref('int_rep_years') }}
    where rep_id != 'NONE' and deals_won > 0
)

select
    scope_key,
    month,
    count(*) as producing_reps,
    sum(won_amount) as won_amount,
    max(won_amount) as top_rep_amount,
    -- Squares are summed as decimals, because a sum of floats depends on the order of its rows.
    cast(sum(cast(won_amount as decimal(19, 2)) * cast(won_amount as decimal(19, 2))) as double) as squares,
    {{ median('won_amount') }} as median_rep_amount
from reps
group by scope_key, month
