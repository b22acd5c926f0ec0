-- Changes of closed months by later knowledge. Earlier steps are kept. This build adds the step from the credit that was
-- known before (lake.known_credit, see orchestration/knowledge.py) to the credit of today.
with known_before as (
    select * from {{ ref('stg_known_credit') }}
),

known_now as (
    select * from {{ ref('int_known_credit') }}
),

earlier_steps as (
    select * from {{ ref('stg_known_restatements') }}
),

-- One row; its values are null where nothing was known before. cause is LADDER or SOFTWARE where only these differ.
step as (
    select
        max(known_on) as from_known_on,
        max(as_of) as from_as_of,
        max(step_cause) as cause,
        (select max(extracted_on) from {{ ref('stg_extracts') }} where dataset is not null) as to_known_on
    from known_before
),

-- Both sides have one row per deal and month.
paired as (
    select
        coalesce(known_before.deal_id, known_now.deal_id) as deal_id,
        coalesce(known_before.month, known_now.month) as month,
        known_before.deal_id is not null as was_there,
        known_now.deal_id is not null as is_there,
        coalesce(known_before.has_revenue, known_now.has_revenue) as has_revenue,
        known_before.branch_id as from_branch_id,
        known_now.branch_id as to_branch_id,
        coalesce(known_before.amount, 0) as from_amount,
        coalesce(known_now.amount, 0) as to_amount,
        known_before.is_counted as from_is_counted,
        known_now.is_counted as to_is_counted
    from known_before
    full outer join known_now on known_before.deal_id = known_now.deal_id and known_before.month = known_now.month
),

different as (
    select paired.*
    from paired
    cross join step
    where
        (
            paired.from_branch_id is distinct from paired.to_branch_id
            or paired.from_amount != paired.to_amount
            or paired.from_is_counted is distinct from paired.to_is_counted
        )
        and {{ is_closed('paired.month', 'step.from_as_of') }}
),

-- All months of a deal have the same values except the money, so each of these steps has one row per deal.
deals_before as (
    select distinct
        known_before.deal_id, branch_id, is_counted, rung, parent_branch_id, override_branch_id,
        claims_hash, money_hash, names_hash
    from known_before
    inner join (select distinct deal_id from different) as moved on known_before.deal_id = moved.deal_id
),

deals_now as (
    select distinct
        known_now.deal_id, branch_id, is_counted, rung, parent_branch_id, override_branch_id,
        claims_hash, money_hash, names_hash
    from known_now
    inner join (select distinct deal_id from different) as moved on known_now.deal_id = moved.deal_id
),

-- If a month has money on one side only, the deal's other months show its branch on the other side.
compared as (
    select
        different.deal_id,
        different.month,
        coalesce(different.from_branch_id, deals_before.branch_id) as from_branch_id,
        different.from_amount,
        coalesce(different.to_branch_id, deals_now.branch_id) as to_branch_id,
        different.to_amount,
        deals_before.is_counted as from_is_counted,
        deals_now.is_counted as to_is_counted,
        deals_before.rung as from_rung,
        deals_now.rung as to_rung,
        different.was_there and different.is_there as is_on_both_sides,
        deals_before.deal_id is not null as was_known,
        deals_now.deal_id is not null as is_known,
        {{ moved_credit_cause('deals_before', 'deals_now') }} as moved_cause,
        deals_before.money_hash != deals_now.money_hash as is_money_changed
    from different
    left join deals_before on different.deal_id = deals_before.deal_id
    left join deals_now on different.deal_id = deals_now.deal_id
    -- A deal without revenue that only appears in another month has lost nothing in its former month.
    where different.has_revenue or different.was_there or deals_before.deal_id is null
),

restated as (
    select *
    from compared
    where
        from_branch_id is distinct from to_branch_id
        or from_amount != to_amount
        or from_is_counted is distinct from to_is_counted
),

changes_before as (
    select deal_id, month, max(change_number) as change_number
    from earlier_steps
    group by deal_id, month
)

select
    deal_id,
    month,
    change_number,
    from_branch_id,
    from_amount,
    from_rung,
    from_is_counted,
    to_branch_id,
    to_amount,
    to_rung,
    to_is_counted,
    amount,
    cause,
    from_known_on,
    to_known_on
from earlier_steps
union all
select
    restated.deal_id,
    restated.month,
    cast(coalesce(changes_before.change_number, 0) + 1 as integer) as change_number,
    restated.from_branch_id,
    cast(restated.from_amount as {{ money_type() }}) as from_amount,
    restated.from_rung,
    restated.from_is_counted,
    restated.to_branch_id,
    cast(restated.to_amount as {{ money_type() }}) as to_amount,
    restated.to_rung,
    restated.to_is_counted,
    cast(
        case
            when restated.is_on_both_sides and restated.from_branch_id != restated.to_branch_id then restated.from_amount
            else restated.to_amount - restated.from_amount
        end as {{ money_type() }}
    ) as amount,
    case
        when step.cause is not null then step.cause
        when not restated.was_known then 'LATE_DEAL'
        when not restated.is_known then 'SOURCE_EDIT'
        when restated.from_branch_id != restated.to_branch_id then restated.moved_cause
        when restated.from_amount != restated.to_amount
            then case when restated.is_money_changed then 'SOURCE_EDIT' else 'FX_RATE' end
        else 'DUPLICATE'
    end as cause,
    step.from_known_on,
    step.to_known_on
from restated
left join changes_before on restated.deal_id = changes_before.deal_id and restated.month = changes_before.month
cross join step
