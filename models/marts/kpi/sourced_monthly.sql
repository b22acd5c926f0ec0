-- Money of deals that partners brought, and of deals in which they had a part. The first is credit and adds up; the second counts
-- a deal once for each branch or partner that had a part, and is never summed with credit.
-- noqa: disable=LT02,LT05
{% set scopes = {'company': "'ALL'", 'partner': 'partner_id', 'branch': 'branch_id'} -%}

with supplied as (
    select deal_id, min({{ business_date('passed_at') }}) as passed_on
    from {{ ref('stg_leads_supplied') }}
    where deal_id is not null
    group by deal_id
),

registered as (
    select deal_id, min({{ business_date('submitted_at') }}) as submitted_on
    from {{ ref('stg_deal_registrations') }}
    where deal_id is not null and status = 'approved' and coalesce(submitted_by, 'partner') = 'partner'
    group by deal_id
),

-- A lead that the vendor had passed on before is not the partner's own.
sourced as (
    select deals.deal_id
    from {{ ref('fct_deals') }} as deals
    left join registered on deals.deal_id = registered.deal_id
    left join supplied on deals.deal_id = supplied.deal_id
    where
        deals.channel_class = 'indirect'
        and (registered.deal_id is not null or deals.channel in ('referral', 'matching'))
        and (supplied.deal_id is null or supplied.passed_on > coalesce(registered.submitted_on, deals.created_on, deals.credit_on))
),

money as (
    {% for scope, entity in scopes.items() -%}
    select '{{ scope }}' as scope, {{ entity }} as entity_id, month, amount as sourced_amount, 0 as influenced_amount
    from {{ ref('int_won_months') }}
    where deal_id in (select deal_id from sourced)
    union all
    select '{{ scope }}' as scope, had_part.entity_id, won.month, 0 as sourced_amount, won.amount as influenced_amount
    from (select distinct deal_id, {{ entity }} as entity_id from {{ ref('influence') }}) as had_part
    inner join {{ ref('int_won_months') }} as won on had_part.deal_id = won.deal_id
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    scope,
    entity_id,
    month,
    {{ fiscal_year('month') }} as fiscal_year,
    {{ is_over(add_months('month', 1)) }} as is_complete,
    -- An amount without an exchange rate is unknown, and the only one of its month at times.
    cast(coalesce(sum(sourced_amount), 0) as {{ money_type() }}) as sourced_amount,
    cast(coalesce(sum(influenced_amount), 0) as {{ money_type() }}) as influenced_amount
from money
group by scope, entity_id, month
