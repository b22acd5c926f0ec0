-- One row per counted deal with the days on which it first reached each stage.
with milestones as (
    select
        deal_id,
        branch_id,
        branch_version_id,
        partner_id,
        rep_id,
        channel,
        channel_class,
        min(case when stage = 'open' then entered_on end) as open_on,
        min(case when stage = 'qualified' then entered_on end) as qualified_on,
        min(case when stage = 'proposed' then entered_on end) as proposed_on,
        min(case when stage = 'won' then entered_on end) as won_on,
        min(case when stage = 'lost' then entered_on end) as lost_on
    from {{ ref('fct_stage_entries') }}
    where is_counted
    group by deal_id, branch_id, branch_version_id, partner_id, rep_id, channel, channel_class
)

select
    *,
    {{ month_of('won_on') }} as won_month,
    {{ days_between('open_on', 'won_on') }} as cycle_days
from milestones
