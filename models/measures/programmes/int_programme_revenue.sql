-- Revenue and margin that a programme brought, by event. A part runs from the programme's weight before to its weight after, and both
-- ends are rounded, so that the parts of an event add up to it exactly.
select
    deals.programme_id,
    deals.deal_id,
    earnings.event_id,
    earnings.month,
    deals.branch_id_current,
    {{ round_double('cast(earnings.amount as double) * (deals.before_weight + deals.weight)') }}
    - {{ round_double('cast(earnings.amount as double) * deals.before_weight') }} as amount,
    {{ round_double('cast(earnings.margin as double) * (deals.before_weight + deals.weight)') }}
    - {{ round_double('cast(earnings.margin as double) * deals.before_weight') }} as margin
from {{ ref('int_programme_deals') }} as deals
inner join {{ ref('int_earnings') }} as earnings on deals.deal_id = earnings.deal_id
