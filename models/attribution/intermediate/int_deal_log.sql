-- The records of all deals according to each extract. A deal has rows for the step at which its record became so, and none
-- while it stays the same: a deal that no later extract changes has the rows of its first step. A deal that was deleted has
-- a row that counts nowhere. branch_cause is why its branch differs from the one of the step before.
with earlier as (
    select * from {{ ref('stg_known_deals') }}
),

step as (
    select * from {{ ref('int_knowledge_step') }}
),

records as (
    select * from {{ ref('int_deal_records') }}
),

last_steps as (
    select deal_id, max(step_number) as step_number from earlier group by deal_id
),

last_records as (
    select earlier.deal_id, earlier.step_number, earlier.branch_id, earlier.record_hash
    from earlier
    inner join last_steps on earlier.deal_id = last_steps.deal_id and earlier.step_number = last_steps.step_number
    where earlier.event_number = 1
),

changed as (
    select
        coalesce(records.deal_id, last_records.deal_id) as deal_id,
        records.deal_id is not null as is_known,
        last_records.step_number as previous_step_number,
        last_records.branch_id as previous_branch_id,
        records.branch_id
    from (select deal_id, branch_id, record_hash from records where event_number = 1) as records
    full outer join last_records on records.deal_id = last_records.deal_id
    cross join step
    where step.is_new and coalesce(records.record_hash, 'gone') is distinct from last_records.record_hash
),

moved as (
    select deal_id from changed where is_known and previous_branch_id != branch_id
),

-- All months of a deal have the same values here.
credit_before as (
    select distinct
        known.deal_id, known.rung, known.branch_id, known.parent_branch_id, known.override_branch_id, known.claims_hash,
        known.names_hash, known.step_cause
    from {{ ref('stg_known_credit') }} as known
    inner join moved on known.deal_id = moved.deal_id
),

credit_now as (
    select distinct
        known.deal_id, known.rung, known.branch_id, known.parent_branch_id, known.override_branch_id, known.claims_hash,
        known.names_hash
    from {{ ref('int_known_credit') }} as known
    inner join moved on known.deal_id = moved.deal_id
),

rep_rungs as (
    select distinct rung from {{ ref('attribution_ladder') }} where points_to = 'rep' and rung is not null
),

own_causes as (
    select
        credit_before.deal_id,
        {{ moved_credit_cause('credit_before', 'credit_now') }} as branch_cause,
        rungs_before.rung is not null or rungs_now.rung is not null as is_by_rep
    from credit_before
    inner join credit_now on credit_before.deal_id = credit_now.deal_id
    left join rep_rungs as rungs_before on credit_before.rung = rungs_before.rung
    left join rep_rungs as rungs_now on credit_now.rung = rungs_now.rung
),

-- The roster of salespeople, or that of branches.
named_causes as (
    select
        deal_id,
        case when branch_cause != 'ROSTER' then branch_cause when is_by_rep then 'REP_ROSTER' else 'BRANCH_ROSTER' end as branch_cause
    from own_causes
),

-- A deal that follows its parent moves for the parent's reason.
causes as (
    select
        named_causes.deal_id,
        case
            when named_causes.branch_cause = 'PARENT_DEAL' then coalesce(parents.branch_cause, 'PARENT_DEAL')
            else named_causes.branch_cause
        end as branch_cause
    from named_causes
    left join {{ ref('int_deals') }} as deals on named_causes.deal_id = deals.deal_id
    left join named_causes as parents on deals.parent_deal_id = parents.deal_id
)

select
    deal_id, step_number, previous_step_number, known_on, step_cause, event_number, branch_id, branch_cause, is_counted,
    open_on, qualified_on, first_won_on, lost_on, won_on, expected_close_on, amount, amount_in_currency, currency, event_id,
    recognized_on, event_amount, record_hash
from earlier
union all
select
    changed.deal_id,
    step.step_number,
    changed.previous_step_number,
    step.known_on,
    step.step_cause,
    cast(coalesce(records.event_number, 1) as integer) as event_number,
    coalesce(records.branch_id, changed.previous_branch_id) as branch_id,
    causes.branch_cause,
    coalesce(records.is_counted, false) as is_counted,
    records.open_on,
    records.qualified_on,
    records.first_won_on,
    records.lost_on,
    records.won_on,
    records.expected_close_on,
    records.amount,
    records.amount_in_currency,
    records.currency,
    records.event_id,
    records.recognized_on,
    records.event_amount,
    coalesce(records.record_hash, 'gone') as record_hash
from changed
left join records on changed.deal_id = records.deal_id
left join causes on changed.deal_id = causes.deal_id
cross join step
