-- One row per deal with the day of its first entry to each stage. Logged entries come first. What the source did not log
-- comes from the deal's own dates, otherwise from its extracts. A deal that skipped a stage entered it on the day of the
-- next one.
with deals as (
    select * from {{ ref('int_deals') }}
),

logged as (
    select
        deal_id,
        min(case when stage = 'open' then entered_on end) as open_on,
        min(case when is_qualified then entered_on end) as qualified_on,
        min(case when stage = 'proposed' then entered_on end) as proposed_on,
        min(case when stage = 'won' then entered_on end) as won_on,
        min(case when stage = 'lost' then entered_on end) as lost_on
    from {{ ref('int_stage_entries') }}
    group by deal_id
),

-- A stage that an extract first reported after the deal's end was reached by the deal's end.
reported as (
    select
        stages.deal_id,
        case when ends.ended_on < stages.qualified_on then ends.ended_on else stages.qualified_on end as qualified_on,
        case when ends.ended_on < stages.proposed_on then ends.ended_on else stages.proposed_on end as proposed_on
    from {{ ref('int_reported_stages') }} as stages
    inner join (
        select deal_id, case when status = 'won' then recognized_on else lost_on end as ended_on from deals
    ) as ends on stages.deal_id = ends.deal_id
    where not exists (select 1 from logged where logged.deal_id = stages.deal_id)
),

dated as (
    select
        deals.deal_id,
        -- A deal is new once, at the latest on the day when it was first known.
        coalesce(
            logged.open_on,
            {{ earliest(['deals.created_on', 'deals.first_entered_on']) }},
            deals.recognized_on,
            deals.lost_on,
            deals.first_extracted_on
        ) as open_on,
        coalesce(logged.qualified_on, reported.qualified_on) as qualified_on,
        coalesce(logged.proposed_on, reported.proposed_on) as proposed_on,
        coalesce(
            logged.won_on,
            case when deals.status = 'won' then deals.recognized_on end,
            case when logged.deal_id is null then wins.won_on end
        ) as won_on,
        coalesce(logged.lost_on, deals.lost_on) as lost_on
    from deals
    left join logged on deals.deal_id = logged.deal_id
    left join {{ ref('int_reported_wins') }} as wins on deals.deal_id = wins.deal_id
    left join reported on deals.deal_id = reported.deal_id
)

select
    deal_id,
    {{ earliest(['open_on', 'qualified_on', 'proposed_on', 'won_on']) }} as open_on,
    {{ earliest(['qualified_on', 'proposed_on', 'won_on']) }} as qualified_on,
    {{ earliest(['proposed_on', 'won_on']) }} as proposed_on,
    won_on,
    lost_on
from dated
