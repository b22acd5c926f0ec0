-- Rates by partial pooling, with numerator and denominator: which entity is above or below the others, and how sure that is.
select
    rates.rate_name,
    rates.scope,
    rates.entity_id,
    case when rates.scope = 'branch' then rates.entity_id when rates.scope = 'rep' then reps.current_branch_id end as branch_id,
    rates.partner_id,
    rates.window_start,
    rates.window_end,
    rates.numerator,
    rates.denominator,
    rates.raw_rate,
    rates.estimated_rate,
    rates.interval_low,
    rates.interval_high,
    rates.reference_rate,
    rates.evidence,
    rates.versus_reference
from {{ ref('int_pooled_rates') }} as rates
left join {{ ref('dim_rep') }} as reps on case when rates.scope = 'rep' then rates.entity_id end = reps.rep_id
