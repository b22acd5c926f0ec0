-- Fails when the credit of a closed month differs from the credit known before plus the restatements of this build: by
-- branch and month in money, by deal in branches, so that two faults cannot cancel each other out. Credit is added up
-- from the published tables, not from the input of the restatements. Also fails when an earlier restatement was deleted
-- or altered. It cannot check whether the cause is the right one.
{{ config(meta={'dagster': {'ref': {'name': 'restatements'}}}) }}

with known_before as (
    select *, {{ is_closed('month', 'as_of') }} as is_closed from {{ source('lake', 'known_credit') }}
),

step as (
    select max(as_of) as from_as_of from known_before
),

carried_along as (
    select * from {{ source('lake', 'known_restatements') }}
),

reported as (
    select * from {{ ref('restatements') }}
),

new_rows as (
    select reported.*
    from reported
    left join carried_along
        on
            reported.deal_id = carried_along.deal_id
            and reported.month = carried_along.month
            and reported.change_number = carried_along.change_number
    where carried_along.deal_id is null
),

sides as (
    select branch_id, month, amount as expected, 0 as credited from known_before
    union all
    select from_branch_id as branch_id, month, -from_amount as expected, 0 as credited from new_rows
    union all
    select to_branch_id as branch_id, month, to_amount as expected, 0 as credited from new_rows
    union all
    select branch_id, recognized_month as month, 0 as expected, amount as credited from {{ ref('fct_revenue') }}
),

balances as (
    select branch_id, month, coalesce(sum(expected), 0) as expected, coalesce(sum(credited), 0) as credited
    from sides
    -- A deal that was credited to no branch.
    where branch_id is not null
    group by branch_id, month
),

moved_silently as (
    select known_before.deal_id
    from known_before
    left join {{ ref('deal_attribution') }} as attribution on known_before.deal_id = attribution.deal_id
    left join new_rows on known_before.deal_id = new_rows.deal_id and known_before.month = new_rows.month
    where known_before.is_closed
    group by known_before.deal_id
    having
        max(case when known_before.branch_id is distinct from attribution.branch_id then 1 else 0 end) = 1
        and count(new_rows.deal_id) = 0
),

lost as (
    select carried_along.deal_id, carried_along.month
    from carried_along
    left join reported
        on
            carried_along.deal_id = reported.deal_id
            and carried_along.month = reported.month
            and carried_along.change_number = reported.change_number
            and carried_along.from_amount = reported.from_amount
            and carried_along.to_amount = reported.to_amount
            and carried_along.from_known_on = reported.from_known_on
            and carried_along.to_known_on = reported.to_known_on
    where reported.deal_id is null
)

select 'a closed month differs' as problem, balances.branch_id as name, balances.month, balances.expected, balances.credited
from balances
cross join step
where balances.expected != balances.credited and {{ is_closed('balances.month', 'step.from_as_of') }}
union all
select 'a deal moved without a restatement' as problem, deal_id as name, null as month, null as expected, null as credited
from moved_silently
union all
select 'a restatement is gone' as problem, deal_id as name, month, null as expected, null as credited
from lost
union all
select 'a restatement of an open month' as problem, new_rows.deal_id as name, new_rows.month, null as expected, null as credited
from new_rows
cross join step
where not {{ is_closed('new_rows.month', 'step.from_as_of') }}
