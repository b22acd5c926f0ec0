-- How many of the customers with partner deals are in a channel conflict, by fiscal quarter.
with quarters as (
    {{ fiscal_periods('quarter') }}
),

worked_on as (
    select quarters.first_month, count(distinct deals.customer_id) as customers
    from quarters
    inner join {{ ref('int_deal_milestones') }} as milestones
        on
            milestones.channel_class = 'indirect'
            and milestones.open_on < quarters.next_month
            and coalesce(milestones.won_on, {{ for_ever() }}) >= quarters.first_month
            and coalesce(milestones.lost_on, {{ for_ever() }}) >= quarters.first_month
    inner join {{ ref('fct_deals') }} as deals on milestones.deal_id = deals.deal_id
    group by quarters.first_month
),

conflicts as (
    select quarters.first_month, count(distinct conflicts.customer_id) as customers
    from quarters
    inner join {{ ref('int_channel_conflicts') }} as conflicts
        on
            conflicts.conflict_from < quarters.next_month
            and coalesce(conflicts.conflict_to, {{ for_ever() }}) >= quarters.first_month
    group by quarters.first_month
)

select
    quarters.first_month as quarter_from,
    quarters.fiscal_year,
    quarters.fiscal_quarter,
    quarters.is_complete,
    coalesce(conflicts.customers, 0) as conflict_rate_numerator,
    coalesce(worked_on.customers, 0) as conflict_rate_denominator,
    {{ rate('coalesce(conflicts.customers, 0)', 'worked_on.customers', var('n_min')) }} as conflict_rate
from quarters
left join worked_on on quarters.first_month = worked_on.first_month
left join conflicts on quarters.first_month = conflicts.first_month
