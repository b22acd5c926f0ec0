-- Days on which deals became qualified and proposed, for sources that log no stages. The day is the date of the first
-- extract with the stage. It is unknown if the previous extract is more than snapshot_days older or missing.
with days as (
    select
        source_name,
        extracted_on,
        extracted_on <= {{ add_days(
            'lag(extracted_on) over (partition by source_name order by extracted_on)', var('snapshot_days')
        ) }} as tells_the_day
    from {{ ref('stg_extracts') }}
    where dataset = 'deals'
),

reported as (
    select
        versions.deal_id,
        stages.stage = 'proposed' as is_proposed,
        versions.extracted_on,
        case when days.tells_the_day then versions.extracted_on end as entered_on
    from {{ ref('stg_deal_extracts') }} as versions
    inner join days on versions.source_name = days.source_name and versions.extracted_on = days.extracted_on
    inner join {{ ref('stage_map') }} as stages on lower(trim(versions.stage)) = stages.source_stage
    where stages.is_qualified
)

select
    deal_id,
    case when min(extracted_on) = min(entered_on) then min(entered_on) end as qualified_on,
    case
        when min(case when is_proposed then extracted_on end) = min(case when is_proposed then entered_on end)
            then min(case when is_proposed then entered_on end)
    end as proposed_on
from reported
group by deal_id
