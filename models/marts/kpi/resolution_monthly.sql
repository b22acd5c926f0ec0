-- The share of partner deals, won or not, whose branch is known, by the month of the credit date, and the corrections
-- of closed months, by the month that changed. Divisions and branches have no such rate, because a deal without a
-- branch has no division either.
with deals as (
    select
        partner_id,
        {{ month_of('credit_on') }} as month,
        case when is_resolved then 1 else 0 end as is_resolved,
        abs(coalesce(amount, 0)) as amount
    from {{ ref('fct_deals') }}
    where is_resolved is not null
),

moved as (
    select
        restatements.deal_id, restatements.month, restatements.change_number, abs(restatements.amount) as amount, branches.partner_id
    from {{ ref('restatements') }} as restatements
    inner join {{ ref('dim_branch') }} as branches on restatements.from_branch_id = branches.branch_id
    where branches.branch_id != 'DIRECT'
    union
    select
        restatements.deal_id, restatements.month, restatements.change_number, abs(restatements.amount) as amount, branches.partner_id
    from {{ ref('restatements') }} as restatements
    inner join {{ ref('dim_branch') }} as branches on restatements.to_branch_id = branches.branch_id
    where branches.branch_id != 'DIRECT'
),

-- A move between two branches of a partner, or two partners of the company, is one change.
changes as (
    select 'company' as scope, 'ALL' as entity_id, deal_id, month, change_number, amount from moved
    union
    select 'partner' as scope, partner_id as entity_id, deal_id, month, change_number, amount from moved
),

placed as (
    select 'company' as scope, 'ALL' as entity_id, deals.* from deals
    union all
    select 'partner' as scope, partner_id as entity_id, deals.* from deals
),

measures as (
    select
        scope, entity_id, month, is_resolved as resolved, 1 as deals, is_resolved * amount as resolved_amount, amount,
        0 as restated_amount
    from placed
    union all
    select
        scope, entity_id, month, 0 as resolved, 0 as deals, 0 as resolved_amount, 0 as amount, amount as restated_amount
    from changes
)

select
    scope,
    entity_id,
    month,
    {{ is_over(add_months('month', 1)) }} as is_complete,
    cast(sum(resolved) as bigint) as resolution_rate_numerator,
    cast(sum(deals) as bigint) as resolution_rate_denominator,
    {{ rate('sum(resolved)', 'sum(deals)') }} as resolution_rate,
    cast(sum(resolved_amount) as {{ money_type() }}) as resolution_rate_amount_numerator,
    cast(sum(amount) as {{ money_type() }}) as resolution_rate_amount_denominator,
    case when sum(amount) > 0 then cast(sum(resolved_amount) as double) / cast(sum(amount) as double) end as resolution_rate_amount,
    cast(sum(restated_amount) as {{ money_type() }}) as restated_amount
from measures
group by scope, entity_id, month
