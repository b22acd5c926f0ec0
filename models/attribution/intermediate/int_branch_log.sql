-- Where each branch belonged according to each extract: its successors with their shares, and their division and partner. A
-- branch has rows for the step at which they first were so, and none while they stay the same. DIRECT has rows for every
-- step, so that all steps are known.
with earlier as (
    select * from {{ ref('stg_known_branches') }}
),

step as (
    select * from {{ ref('int_knowledge_step') }}
),

places as (
    select
        successors.branch_id,
        successors.branch_id_current,
        successors.share,
        cast(successors.weight_rank as integer) as weight_rank,
        current_branches.current_division_id as division_id,
        current_branches.current_partner_id as partner_id
    from {{ ref('int_branch_successors') }} as successors
    inner join {{ ref('dim_branch') }} as current_branches on successors.branch_id_current = current_branches.branch_id
),

hashed as (
    select
        branch_id,
        {{ joined_texts(
            row_text(['branch_id_current', 'cast(share as decimal(18, 9))', 'division_id', 'partner_id']), "';'", 'weight_rank'
        ) }} as place_text
    from places
    group by branch_id
),

last_steps as (
    select branch_id, max(step_number) as step_number from earlier group by branch_id
),

last_places as (
    select distinct earlier.branch_id, earlier.step_number, earlier.place_text
    from earlier
    inner join last_steps on earlier.branch_id = last_steps.branch_id and earlier.step_number = last_steps.step_number
)

select
    branch_id, step_number, previous_step_number, known_on, step_cause, branch_id_current, share, weight_rank, division_id,
    partner_id, place_text
from earlier
union all
select
    places.branch_id,
    step.step_number,
    last_places.step_number as previous_step_number,
    step.known_on,
    step.step_cause,
    places.branch_id_current,
    places.share,
    places.weight_rank,
    places.division_id,
    places.partner_id,
    hashed.place_text
from places
inner join hashed on places.branch_id = hashed.branch_id
left join last_places on places.branch_id = last_places.branch_id
cross join step
where step.is_new and (hashed.place_text is distinct from last_places.place_text or places.branch_id = 'DIRECT')
