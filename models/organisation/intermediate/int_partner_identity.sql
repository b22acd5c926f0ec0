-- The company that acts for a partner, by interval: itself, and after a merger its successor. Intervals of one partner
-- touch and never overlap, so a join on the partner and a day gives one row.
with recursive steps as (
    select partner_id, partner_id as acting_partner_id, {{ since_ever() }} as valid_from, 0 as depth
    from {{ ref('int_partners') }}
    union all
    select
        steps.partner_id,
        merged.successor_partner_id as acting_partner_id,
        greatest(steps.valid_from, coalesce(merged.succeeded_on, {{ since_ever() }})) as valid_from,
        steps.depth + 1 as depth
    from steps
    inner join {{ ref('int_partners') }} as merged on steps.acting_partner_id = merged.partner_id
    where merged.successor_partner_id is not null and steps.depth < 20
),

-- Of two successions on one day, the last one counts.
last_step_of_day as (
    select
        *,
        row_number() over (partition by partner_id, valid_from order by depth desc) as day_rank
    from steps
)

select
    partner_id,
    acting_partner_id,
    valid_from,
    coalesce(lead(valid_from) over (partition by partner_id order by valid_from), {{ for_ever() }}) as valid_to
from last_step_of_day
where day_rank = 1
