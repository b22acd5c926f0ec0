-- Deals that an extract reported as won and a later one did not. Without a stage history, this is the only record of
-- the win.
with reported as (
    select
        versions.deal_id,
        versions.extracted_on,
        stages.stage = 'won' as is_won,
        coalesce(versions.won_on, versions.closed_on, versions.extracted_on) as won_on
    from {{ ref('stg_deal_extracts') }} as versions
    inner join {{ ref('stage_map') }} as stages on lower(trim(versions.stage)) = stages.source_stage
),

wins as (
    select deal_id, min(won_on) as won_on, min(extracted_on) as reported_on
    from reported
    where is_won
    group by deal_id
)

select wins.deal_id, wins.won_on, min(reported.extracted_on) as left_on
from wins
inner join reported on wins.deal_id = reported.deal_id and wins.reported_on < reported.extracted_on
where not reported.is_won
group by wins.deal_id, wins.won_on
