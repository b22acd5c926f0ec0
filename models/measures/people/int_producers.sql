-- Distribution of the money of twelve months over the salespeople of an entity who won it. What may be expected of others
-- is the median of the reps who are still there.
with won as (
    -- A rep whose returns exceed the wins has no share of the money.
    select scope_key, rep_id, month, deals_won, cast(greatest(won_amount, 0) as {{ money_type() }}) as won_amount
    from {{ ref('int_rep_years') }}
    where deals_won > 0
),

-- The entities of each of them at the end of a month.
winners as (
    select distinct rep_id from won where rep_id != 'NONE'
),

present as (
    select distinct known.rep_id, known.month, bridge.scope_key
    from {{ ref('int_known_reps') }} as known
    inner join winners on known.rep_id = winners.rep_id
    inner join {{ ref('int_scope_bridge') }} as bridge on known.branch_version_id = bridge.branch_version_id
),

reps as (
    select won.*, present.rep_id is not null as is_present
    from won
    left join present on won.scope_key = present.scope_key and won.rep_id = present.rep_id and won.month = present.month
    where won.rep_id != 'NONE'
),

unassigned as (
    select scope_key, month, deals_won from won where rep_id = 'NONE'
),

distributions as (
    select
        scope_key,
        month,
        count(*) as producing_reps,
        sum(won_amount) as won_amount,
        max(won_amount) as top_rep_amount,
        -- Squares are summed as decimals, because a sum of floats depends on the order of its rows.
        cast(sum(cast(won_amount as decimal(19, 2)) * cast(won_amount as decimal(19, 2))) as double) as squares,
        {{ median_money('won_amount') }} as median_rep_amount,
        sum(deals_won) as named_wins,
        sum(case when is_present then 1 else 0 end) as present_reps,
        {{ median('case when is_present then deals_won end') }} as present_rep_wins,
        {{ median('case when is_present then cast(won_amount as double) / deals_won end') }} as present_win_amount
    from reps
    group by scope_key, month
)

select
    distributions.*,
    distributions.named_wins + coalesce(unassigned.deals_won, 0) as wins
from distributions
left join unassigned on distributions.scope_key = unassigned.scope_key and distributions.month = unassigned.month
