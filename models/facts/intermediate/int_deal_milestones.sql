-- One row per counted deal with the days on which it first reached each stage.
-- noqa: disable=LT02
with milestones as (
    select
        deal_id,
        branch_id,
        branch_version_id,
        partner_id,
        rep_id,
        channel,
        channel_class,
        {%- for stage in ['open', 'qualified', 'proposed', 'won', 'lost'] %}
        min(case when stage = '{{ stage }}' then entered_on end) as {{ stage }}_on{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('fct_stage_entries') }}
    where is_counted
    group by deal_id, branch_id, branch_version_id, partner_id, rep_id, channel, channel_class
)

select
    *,
    {{ month_of('won_on') }} as won_month,
    {{ days_between('open_on', 'won_on') }} as cycle_days
from milestones
