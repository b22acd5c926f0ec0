-- Where each branch belonged according to the extracts of both days of a pair.
with pairs as (
    select pair, 'from' as side, from_step as step_number from {{ ref('int_change_pairs') }} where missing_reason is null
    union all
    select pair, 'to' as side, to_step as step_number from {{ ref('int_change_pairs') }} where missing_reason is null
),

last_steps as (
    select pairs.pair, pairs.side, logged.branch_id, max(logged.step_number) as step_number
    from pairs
    inner join {{ ref('int_branch_log') }} as logged on logged.step_number <= pairs.step_number
    group by pairs.pair, pairs.side, logged.branch_id
)

select
    last_steps.pair,
    last_steps.side,
    logged.branch_id,
    logged.branch_id_current,
    logged.share,
    logged.weight_rank,
    count(*) over (partition by last_steps.pair, last_steps.side, logged.branch_id) as successors,
    logged.division_id,
    logged.partner_id,
    logged.place_text
from last_steps
inner join {{ ref('int_branch_log') }} as logged
    on last_steps.branch_id = logged.branch_id and last_steps.step_number = logged.step_number
