-- How many of the customers on whom partners work are worked on twice, by fiscal quarter.
with quarters as (
    select
        {{ fiscal_year('month') }} as fiscal_year,
        {{ fiscal_quarter('month') }} as fiscal_quarter,
        min(month) as quarter_from,
        {{ add_months('max(month)', 1) }} as quarter_to
    from {{ ref('int_months') }}
    group by {{ fiscal_year('month') }}, {{ fiscal_quarter('month') }}
),

worked_on as (
    select quarters.quarter_from, count(distinct deals.customer_id) as customers
    from quarters
    inner join {{ ref('int_deal_milestones') }} as milestones
        on
            milestones.channel_class = 'indirect'
            and milestones.open_on < quarters.quarter_to
            and coalesce(milestones.won_on, {{ for_ever() }}) >= quarters.quarter_from
            and coalesce(milestones.lost_on, {{ for_ever() }}) >= quarters.quarter_from
    inner join {{ ref('fct_deals') }} as deals on milestones.deal_id = deals.deal_id
    group by quarters.quarter_from
),

conflicts as (
    select quarters.quarter_from, count(distinct conflicts.customer_id) as customers
    from quarters
    inner join {{ ref('channel_conflicts') }} as conflicts
        on
            conflicts.conflict_from < quarters.quarter_to
            and coalesce(conflicts.conflict_to, {{ for_ever() }}) >= quarters.quarter_from
    group by quarters.quarter_from
)

select
    quarters.quarter_from,
    quarters.fiscal_year,
    quarters.fiscal_quarter,
    coalesce(conflicts.customers, 0) as conflict_rate_numerator,
    coalesce(worked_on.customers, 0) as conflict_rate_denominator,
    {{ rate('coalesce(conflicts.customers, 0)', 'worked_on.customers', var('n_min')) }} as conflict_rate
from quarters
left join worked_on on quarters.quarter_from = worked_on.quarter_from
left join conflicts on quarters.quarter_from = conflicts.quarter_from
