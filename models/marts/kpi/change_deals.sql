-- The parts of int_change_parts at the branches of their day, one row per reason and branch.
with parts as (
    {{ at_places(ref('int_change_parts'), ['deal_id', 'event_id', 'step_number', 'reason', 'other_branch_id', 'is_before']) }}
),

others as (
    select pair, side, branch_id, branch_id_current from {{ ref('int_change_places') }} where weight_rank = 1
),

named as (
    select
        parts.*,
        reasons.cause,
        -- A branch that was reorganised is on the other side at its place on the other day.
        others.branch_id_current as other_branch_id_current
    from parts
    inner join {{ ref('change_reasons') }} as reasons on parts.reason = reasons.reason
    left join others
        on
            parts.pair = others.pair
            and parts.other_branch_id = others.branch_id
            and others.side = case when parts.reason = 'SUCCESSION' and parts.side = 'to' then 'from' else 'to' end
),

summed as (
    select
        pair, measure, cause, reason, deal_id, branch_id_current, division_id, partner_id,
        max(other_branch_id_current) as other_branch_id,
        sum(amount) as total
    from named
    group by pair, measure, cause, reason, deal_id, branch_id_current, division_id, partner_id
)

select
    pair,
    measure,
    cause,
    reason,
    deal_id,
    branch_id_current as branch_id,
    division_id,
    partner_id,
    other_branch_id,
    cast(total as {{ money_type() }}) as amount
from summed
where total != 0
