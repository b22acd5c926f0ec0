{{ config(schema='intermediate') }}

-- What each salesperson of a partner won in a fiscal year, half and quarter, as the company's and as the partner's, and in the
-- same months a year before. Of a period that is not over, only those of its months that are.
-- noqa: disable=LT02,LT05
with won as (
    select month, partner_id, branch_id, rep_id, sum(amount) as won_amount, sum(case when is_won then 1 else 0 end) as deals_won
    from {{ ref('int_won_months') }}
    where channel_class = 'indirect'
    group by month, partner_id, branch_id, rep_id
),

sides as (
    select *, false as is_previous from won
    union all
    select {{ add_months('month', 12) }} as month, partner_id, branch_id, rep_id, won_amount, deals_won, true as is_previous from won
),

-- A month that is not over would be compared with a whole one, and the first year has nothing to be compared with.
calendar as (
    select {{ add_months('min(months.month)', 12) }} as first_month, max(months.month) as last_month
    from {{ ref('int_months') }} as months
    inner join {{ ref('int_as_of') }} as today on {{ add_months('months.month', 1) }} <= {{ add_days('today.as_of', 1) }}
),

dated as (
    {% for period_type, months in [('year', 12), ('half', 6), ('quarter', 3)] -%}
    select
        '{{ period_type }}' as period_type,
        {{ months }} as months,
        {{ add_months('sides.month', '-mod(' ~ fiscal_month('sides.month') ~ ' - 1, ' ~ months ~ ')') }} as period_start,
        sides.*
    from sides
    inner join calendar on sides.month >= calendar.first_month and sides.month <= calendar.last_month
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

{% for scope, entity in [('company', "'ALL'"), ('partner', 'dated.partner_id')] -%}
select
    '{{ scope }}' as scope, {{ entity }} as entity_id, dated.period_type, dated.months, dated.period_start, dated.is_previous,
    dated.branch_id,
    dated.rep_id,
    branches.is_sentinel,
    -- Money of no known branch or rep has no factors; it is a part of its own.
    dated.rep_id != 'NONE' and not branches.is_sentinel as is_known,
    sum(dated.won_amount) as won_amount,
    sum(dated.deals_won) as deals_won
from dated
inner join {{ ref('dim_branch') }} as branches on dated.branch_id = branches.branch_id
group by {{ 'dated.partner_id, ' if scope == 'partner' }}dated.period_type, dated.months, dated.period_start, dated.is_previous,
    dated.branch_id, dated.rep_id, branches.is_sentinel
{{ 'union all' if not loop.last }}
{% endfor %}
