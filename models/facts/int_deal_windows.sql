{{ config(schema='intermediate') }}

-- The changes of deals by branch and channel, so that each deal is read once and not once for every window that has it.
-- noqa: disable=LT02
select
    branch_id,
    partner_id,
    channel,
    month,
    {%- for measure in deal_window_measures() %}
    coalesce(sum(case when measure = '{{ measure }}' then value end), 0) as {{ measure }}{{ ',' if not loop.last }}
    {%- endfor %}
from {{ ref('int_deal_changes') }}
group by branch_id, partner_id, channel, month
