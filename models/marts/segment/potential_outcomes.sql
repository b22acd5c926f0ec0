select
    version,
    cutoff_on,
    outcome_end,
    branch_id,
    partner_id,
    potential_score,
    profile_on,
    known_on,
    cast(score_fifth as integer) as score_fifth,
    support,
    cast(live_touches_before as bigint) as live_touches_before,
    cast(live_touches_after as bigint) as live_touches_after,
    cast(outcome_wins as bigint) as outcome_wins,
    cast(outcome_amount as {{ money_type() }}) as outcome_amount,
    is_producing
from {{ ref('int_backtest') }}
