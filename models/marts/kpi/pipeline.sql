-- What may still come in: deals that are open today, by the month in which they should close, each weighted by how often deals of
-- its channel that got as far were won. Overdue deals are in today's month.
with today as (
    select
        as_of,
        {{ month_of('as_of') }} as this_month,
        {{ add_days('as_of', -var('cohort_mature_days')) }} as mature_until
    from {{ ref('int_as_of') }}
),

reached as (
    {% for stage in ['open', 'qualified', 'proposed'] -%}
    select
        deal_id, '{{ stage }}' as stage, coalesce(channel, 'none') as channel, {{ stage }}_on as reached_on, won_on, lost_on
    from {{ ref('int_deal_milestones') }}
    where {{ stage }}_on is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- Of deals that were won, lost, or had time enough.
outcomes as (
    select
        reached.channel,
        reached.stage,
        sum(case when reached.won_on is not null then 1 else 0 end) as won,
        count(*) as decided
    from reached
    cross join today
    where reached.won_on is not null or reached.lost_on is not null or reached.reached_on <= today.mature_until
    group by reached.channel, reached.stage
),

usual as (
    select stage, sum(won) as won, sum(decided) as decided
    from outcomes
    group by stage
),

open_deals as (
    select
        milestones.branch_id,
        milestones.partner_id,
        coalesce(milestones.channel, 'none') as channel,
        case
            when milestones.proposed_on is not null then 'proposed'
            when milestones.qualified_on is not null then 'qualified'
            else 'open'
        end as stage,
        greatest({{ month_of('deals.expected_close_on') }}, today.this_month) as due_month,
        deals.expected_close_on,
        deals.expected_close_on < today.as_of as is_overdue,
        deals.amount
    from {{ ref('int_deal_milestones') }} as milestones
    inner join {{ ref('fct_deals') }} as deals on milestones.deal_id = deals.deal_id
    cross join today
    where milestones.won_on is null and milestones.lost_on is null
),

counted as (
    select
        branch_id,
        partner_id,
        channel,
        stage,
        case when expected_close_on is not null then due_month end as close_month,
        count(*) as open_deals,
        sum(case when is_overdue then 1 else 0 end) as overdue_deals,
        coalesce(sum(case when is_overdue then amount end), 0) as overdue_amount,
        coalesce(sum(amount), 0) as pipeline_amount
    from open_deals
    group by branch_id, partner_id, channel, stage, case when expected_close_on is not null then due_month end
),

-- A channel with too few deals takes what is usual in all.
weighed as (
    select
        counted.*,
        case when outcomes.decided >= {{ var('n_min') }} then outcomes.won else coalesce(usual.won, 0) end as won,
        case when outcomes.decided >= {{ var('n_min') }} then outcomes.decided else coalesce(usual.decided, 0) end as decided
    from counted
    left join outcomes on counted.channel = outcomes.channel and counted.stage = outcomes.stage
    left join usual on counted.stage = usual.stage
)

select
    branch_id,
    partner_id,
    channel,
    stage,
    close_month,
    open_deals,
    cast(overdue_deals as bigint) as overdue_deals,
    cast(overdue_amount as {{ money_type() }}) as overdue_amount,
    cast(pipeline_amount as {{ money_type() }}) as pipeline_amount,
    cast(won as bigint) as win_probability_numerator,
    cast(decided as bigint) as win_probability_denominator,
    {{ rate('won', 'decided', var('n_min')) }} as win_probability,
    {{ round_money('pipeline_amount * ' ~ rate('won', 'decided', var('n_min'))) }} as pipeline_weighted
from weighed
