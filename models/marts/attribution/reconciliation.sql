-- Each check computes one total in two ways that share as little as possible. The branch side uses inner joins to the
-- branch and partner dimensions on purpose: a member that a dimension lacks is missing money here. The lines `rounding` are
-- no check: they are what rounding each event to the minor unit takes from the delivered money of a currency, or adds to it.
with ledger as (
    select {{ month_of('credit_on') }} as month, count(*) as deals, coalesce(sum(amount), 0) as amount
    from {{ ref('int_deals') }}
    group by 1
),

by_branch as (
    select {{ month_of('deals.credit_on') }} as month, count(*) as deals, coalesce(sum(deals.amount), 0) as amount
    from {{ ref('fct_deals') }} as deals
    inner join {{ ref('dim_branch') }} as branches on deals.branch_id = branches.branch_id
    inner join {{ ref('dim_partner') }} as partners on deals.partner_id = partners.partner_id
    group by 1
),

events as (
    select {{ month_of('recognized_on') }} as month, coalesce(sum(amount), 0) as amount
    from {{ ref('int_revenue_events') }}
    group by 1
),

events_by_branch as (
    select revenue.recognized_month as month, coalesce(sum(revenue.amount), 0) as amount
    from {{ ref('fct_revenue') }} as revenue
    inner join {{ ref('dim_branch') }} as branches on revenue.branch_id = branches.branch_id
    group by 1
),

events_as_is as (
    select {{ month_of('credit.recognized_on') }} as month, coalesce(sum(credit.amount), 0) as amount
    from {{ ref('current_credit') }} as credit
    inner join {{ ref('dim_branch') }} as branches on credit.branch_id_current = branches.branch_id
    group by 1
),

sides as (
    select 'deals_by_branch_are_the_ledger' as check_name, month, deals as left_amount, 0 as right_amount from ledger
    union all
    select 'deals_by_branch_are_the_ledger' as check_name, month, 0 as left_amount, deals as right_amount from by_branch
    union all
    select 'deal_amount_by_branch_is_the_ledger' as check_name, month, amount as left_amount, 0 as right_amount from ledger
    union all
    select 'deal_amount_by_branch_is_the_ledger' as check_name, month, 0 as left_amount, amount as right_amount from by_branch
    union all
    select 'revenue_by_branch_is_the_ledger' as check_name, month, amount as left_amount, 0 as right_amount from events
    union all
    select 'revenue_by_branch_is_the_ledger' as check_name, month, 0 as left_amount, amount as right_amount from events_by_branch
    union all
    select 'revenue_as_is_is_as_was' as check_name, month, amount as left_amount, 0 as right_amount from events
    union all
    select 'revenue_as_is_is_as_was' as check_name, month, 0 as left_amount, amount as right_amount from events_as_is
),

checks as (
    select
        check_name, month, cast(null as string) as currency, sum(left_amount) as left_amount, sum(right_amount) as right_amount
    from sides
    group by 1, 2
    union all
    select
        'rounding' as check_name, {{ month_of('recognized_on') }} as month, currency,
        sum(exact_amount) as left_amount, sum(amount) as right_amount
    from {{ ref('int_revenue_events') }}
    where amount is not null
    group by 2, 3
)

select
    check_name,
    month,
    currency,
    cast(left_amount as {{ money_type() }}) as left_amount,
    cast(right_amount as {{ money_type() }}) as right_amount,
    cast(left_amount - right_amount as {{ money_type() }}) as difference
from checks
