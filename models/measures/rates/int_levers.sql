-- The lever of each branch that is open and under contract today: the step from headcount to money at which it falls short of
-- comparable branches (int_benchmarks) by more than chance explains. Of several steps, the one with the best evidence, then the
-- furthest behind.
with last_month as (
    select max(month) as month from {{ ref('int_months') }} where is_complete
),

branches as (
    select
        scopes.scope_key, scopes.entity_id as branch_id, last_month.month,
        coalesce(wins.denominator, 0) as wins, coalesce(wins.denominator - wins.numerator, 0) as unnamed_wins
    from {{ ref('int_scopes') }} as scopes
    inner join {{ ref('int_open_branches') }} as open_branches on scopes.entity_id = open_branches.branch_id
    cross join last_month
    left join {{ ref('int_pooled_rates') }} as wins
        on wins.scope = 'branch' and scopes.entity_id = wins.entity_id and wins.rate_name = 'named_rate'
    where scopes.organisation = 'as_is' and scopes.scope = 'branch'
),

steps as (
    select 'known_rate' as rate_name, 'get_names' as lever, 1 as step_order
    union all
    select 'contactable_rate' as rate_name, 'reach_people' as lever, 2 as step_order
    union all
    select 'trained_rate' as rate_name, 'train_people' as lever, 3 as step_order
    union all
    select 'first_deal_rate' as rate_name, 'first_deals' as lever, 4 as step_order
    union all
    select 'win_rate_t12m' as rate_name, 'raise_win_rate' as lever, 5 as step_order
    union all
    select 'large_deal_rate' as rate_name, 'raise_deal_size' as lever, 6 as step_order
    union all
    select 'named_rate' as rate_name, 'name_reps' as lever, 7 as step_order
),

-- The logarithm of the odds is nearly normal: its distance from that of the benchmark in standard deviations.
compared as (
    select
        branches.scope_key, branches.branch_id, branches.month, branches.wins, branches.unnamed_wins,
        steps.lever, steps.step_order, rates.numerator, rates.denominator, rates.estimated_rate as estimate,
        benchmarks.benchmark, benchmarks.peers, benchmarks.peer_basis,
        (benchmarks.benchmark - rates.estimated_rate) * rates.denominator as missing,
        case
            when benchmarks.benchmark > 0 and benchmarks.benchmark < 1
                then (
                    ln(rates.estimated_rate / (1 - rates.estimated_rate)) - ln(benchmarks.benchmark / (1 - benchmarks.benchmark))
                ) / rates.deviation
        end as distance,
        steps.lever in ('get_names', 'reach_people') and rates.numerator = 0
        and benchmarks.benchmark * rates.denominator >= 1 as is_nobody
    from branches
    inner join {{ ref('int_pooled_rates') }} as rates on rates.scope = 'branch' and branches.branch_id = rates.entity_id
    inner join steps on rates.rate_name = steps.rate_name
    inner join {{ ref('int_benchmarks') }} as benchmarks
        on
            branches.scope_key = benchmarks.scope_key and branches.month = benchmarks.month
            and rates.rate_name = benchmarks.rate_name
),

-- Behind by at least one whole person or deal. Each win without a salesperson may be the first win of somebody else: where
-- such wins could make up for what is missing, the lever is to enter the names first (name_reps).
behind as (
    select
        *,
        lever = 'name_reps' or (lever = 'first_deals' and numerator + unnamed_wins >= benchmark * denominator) as needs_names,
        case
            when is_nobody then 'fact'
            when missing >= 1 and distance <= -{{ var('evidence_strong') }} then 'strong'
            when missing >= 1 and distance <= -{{ var('evidence_some') }} then 'some'
        end as step_evidence
    from compared
),

-- A producer who usually would have won by now, and did not: the chance of no win is exp(-usual).
quiet as (
    select
        branches.scope_key, branches.branch_id, branches.month, producers.wins_before, producers.usual_wins,
        row_number() over (
            partition by branches.scope_key order by producers.wins_before desc nulls last, producers.rep_id
        ) as place
    from {{ ref('int_quiet_producers') }} as producers
    inner join branches on producers.scope_key = branches.scope_key and producers.month = branches.month
    where exp(-producers.usual_wins) <= 0.1
),

candidates as (
    select
        scope_key, branch_id, month,
        case when needs_names then 'name_reps' else lever end as lever,
        case when needs_names and lever = 'first_deals' then 'fact' else step_evidence end as evidence,
        step_order,
        case when needs_names then unnamed_wins else numerator end as numerator,
        case when needs_names then wins else denominator end as denominator,
        estimate, benchmark, peers, peer_basis,
        estimate / benchmark as reached
    from behind
    where step_evidence is not null
    union all
    select
        scope_key, branch_id, month, 'keep_producer' as lever,
        case when exp(-usual_wins) <= 0.025 then 'strong' else 'some' end as evidence,
        8 as step_order, wins_before as numerator, null as denominator, null as estimate, usual_wins as benchmark, null as peers,
        null as peer_basis, 0 as reached
    from quiet
    where place = 1
),

ranked as (
    select
        *,
        row_number() over (
            partition by scope_key
            order by case evidence when 'fact' then 1 when 'strong' then 2 else 3 end, reached nulls last, step_order
        ) as place
    from candidates
)

select
    branches.scope_key,
    branches.branch_id,
    branches.month,
    ranked.lever,
    coalesce(ranked.evidence, 'none') as evidence,
    cast(ranked.numerator as bigint) as numerator,
    cast(ranked.denominator as bigint) as denominator,
    ranked.estimate,
    ranked.benchmark,
    cast(ranked.peers as bigint) as peers,
    ranked.peer_basis
from branches
left join ranked on branches.scope_key = ranked.scope_key and ranked.place = 1
