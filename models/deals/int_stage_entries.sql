-- Logged entries, in canonical stages. Of entries at the same moment the later stage counts as the last.
select
    history.deal_id,
    stages.stage,
    stages.is_qualified,
    history.entered_at,
    {{ business_date('history.entered_at') }} as entered_on,
    lag(stages.stage) over entries as previous_stage,
    lead(stages.stage) over entries is null as is_last
from {{ ref('stg_deal_stage_history') }} as history
inner join {{ ref('stage_map') }} as stages on lower(trim(history.stage)) = stages.source_stage
window entries as (
    partition by history.deal_id
    order by
        history.entered_at,
        case stages.stage when 'open' then 1 when 'qualified' then 2 when 'proposed' then 3 else 4 end,
        history.stage nulls last
)
