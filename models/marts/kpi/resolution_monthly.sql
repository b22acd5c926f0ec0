-- How much of partners' deals, won or not, is known to the branch, by the month of the credit date, and what was corrected in
-- months that were closed, by the month that changed.
-- noqa: disable=LT02,LT05
with deals as (
    select
        partner_id,
        {{ month_of('credit_on') }} as month,
        case when is_resolved then 1 else 0 end as is_resolved,
        coalesce(amount, 0) as amount
    from {{ ref('fct_deals') }}
    where is_resolved is not null
),

moved as (
    {% for branch in ['from_branch_id', 'to_branch_id'] -%}
    select restatements.deal_id, restatements.month, restatements.change_number, abs(restatements.amount) as amount,
        branches.partner_id
    from {{ ref('restatements') }} as restatements
    inner join {{ ref('dim_branch') }} as branches on restatements.{{ branch }} = branches.branch_id
    where branches.branch_id != 'DIRECT'
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

measures as (
    {% for scope, entity in [('company', "'ALL'"), ('partner', 'partner_id')] -%}
    select '{{ scope }}' as scope, {{ entity }} as entity_id, month,
        is_resolved as resolved, 1 as deals, is_resolved * abs(amount) as resolved_amount, abs(amount) as amount, 0 as restated_amount
    from deals
    union all
    -- Between two branches of a partner, or two partners, it is one change.
    select '{{ scope }}' as scope, {{ entity }} as entity_id, month,
        0 as resolved, 0 as deals, 0 as resolved_amount, 0 as amount, sum(amount) as restated_amount
    from (select distinct deal_id, month, change_number, amount, {{ entity }} as partner_id from moved) as changes
    group by {{ 'partner_id, ' if scope == 'partner' }}month
    {{ 'union all' if not loop.last }}
    {% endfor %}
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
