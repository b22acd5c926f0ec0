-- One row: the step by which this build adds to the logs. An extract is a step, and so is a change of rules or software
-- for the same extracts (step_cause). A repeated build adds no step.
with logged as (
    select max(step_number) as step_number, max(known_on) as known_on from {{ ref('stg_known_branches') }}
),

known as (
    select max(extracted_on) as known_on from {{ ref('stg_extracts') }} where dataset is not null
),

compared as (
    select max(step_cause) as step_cause from {{ ref('stg_known_credit') }}
),

step as (
    select
        logged.step_number as last_step_number,
        known.known_on,
        -- Before the first step nothing was known, so nothing has changed.
        case when logged.step_number is not null then compared.step_cause end as step_cause,
        coalesce(logged.known_on < known.known_on, true) as is_later
    from logged
    cross join known
    cross join compared
)

select
    cast(coalesce(last_step_number, 0) + case when is_later or step_cause is not null then 1 else 0 end as integer) as step_number,
    known_on,
    step_cause,
    is_later or step_cause is not null as is_new
from step
