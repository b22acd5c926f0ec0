-- Fails when a source has a stage that seeds/stage_map.csv lacks: such a deal would count as open. Remedy: add the
-- spelling, in lower case, to the seed.
{{ config(meta={'dagster': {'ref': {'name': 'stg_deals'}}}) }}

with used as (
    select stage, deal_id from {{ ref('stg_deals') }}
    union all
    select stage, deal_id from {{ ref('stg_deal_stage_history') }}
)

select used.stage, count(distinct used.deal_id) as deals
from used
left join {{ ref('stage_map') }} as stages on lower(trim(used.stage)) = stages.source_stage
where stages.source_stage is null
group by used.stage
