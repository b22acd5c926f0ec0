-- The average win of twelve months without later adjustments. A deal's amount at its win is what winning, leaving and winning
-- again add up to in the month of the win. All else is adjusted: returns, adjustments, and what follows in later months.
with events as (
    select
        revenue.branch_version_id,
        revenue.recognized_month as month,
        revenue.deal_id,
        coalesce(
            wins.month = revenue.recognized_month and revenue.event_type in ('win', 'rewin', 'reversal', 'cancel'), false
        ) as is_first_win,
        revenue.amount
    from {{ ref('fct_revenue') }} as revenue
    left join {{ ref('int_win_days') }} as wins on revenue.deal_id = wins.deal_id
    where revenue.is_counted and revenue.channel_class != 'direct'
),

months as (
    select
        branch_version_id, month,
        count(distinct case when is_first_win then deal_id end) as first_wins,
        coalesce(sum(case when is_first_win then amount end), 0) as first_win_amount,
        coalesce(sum(case when not is_first_win then amount end), 0) as adjusted_amount
    from events
    group by branch_version_id, month
),

placed as (
    select
        bridge.scope_key, months.month, sum(months.first_wins) as first_wins, sum(months.first_win_amount) as first_win_amount,
        sum(months.adjusted_amount) as adjusted_amount
    from months
    inner join {{ ref('int_scope_bridge') }} as bridge
        on months.branch_version_id = bridge.branch_version_id and bridge.organisation = 'as_is'
    group by bridge.scope_key, months.month
),

years as (
    select
        scopes.scope,
        scopes.entity_id,
        calendar.month,
        calendar.is_complete,
        calendar.has_twelve_months,
        coalesce(sum(placed.first_wins) over year_to_date, 0) as first_wins,
        coalesce(sum(placed.first_win_amount) over year_to_date, 0) as first_win_amount,
        coalesce(sum(placed.adjusted_amount) over year_to_date, 0) as adjusted_amount
    from {{ ref('int_scope_months') }} as calendar
    inner join {{ ref('int_scopes') }} as scopes
        on calendar.scope_key = scopes.scope_key and scopes.organisation = 'as_is' and scopes.entity_id != 'DIRECT'
    left join placed on calendar.scope_key = placed.scope_key and calendar.month = placed.month
    window year_to_date as (partition by calendar.scope_key order by calendar.month rows between 11 preceding and current row)
)

select
    scope,
    entity_id,
    month,
    is_complete,
    has_twelve_months,
    cast(first_win_amount as {{ money_type() }}) as avg_first_win_numerator,
    cast(first_wins as bigint) as avg_first_win_denominator,
    {{ rate('first_win_amount', 'first_wins', var('n_min')) }} as avg_first_win,
    cast(adjusted_amount as {{ money_type() }}) as adjusted_amount
from years
