-- Deals that are open today, at today's branches, by the month in which they should close. Each is weighted by the
-- share of earlier deals that were won later, among deals of the same channel that had been at the same stage for as
-- long. Overdue deals are in today's month.
with today as (
    select as_of, {{ month_of('as_of') }} as this_month from {{ ref('int_as_of') }}
),

ages as (
    {% for age_days in var('pipeline_ages') -%}
    select {{ age_days }} as age_days
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

stages as (
    select 'open' as stage
    union all
    select 'qualified' as stage
    union all
    select 'proposed' as stage
),

deals as (
    select
        milestones.deal_id, milestones.branch_version_id, milestones.channel_class, milestones.channel_class = 'direct' as is_direct,
        coalesce(milestones.channel, 'none') as channel, milestones.open_on, milestones.qualified_on, milestones.proposed_on,
        milestones.won_on, {{ earliest(['milestones.won_on', 'milestones.lost_on']) }} as ended_on, today.as_of, today.this_month
    from {{ ref('int_deal_milestones') }} as milestones
    cross join today
),

stays as (
    select
        deals.is_direct, deals.channel, deals.won_on, deals.ended_on, deals.as_of, stages.stage,
        case stages.stage when 'open' then deals.open_on when 'qualified' then deals.qualified_on else deals.proposed_on end as entered_on,
        case stages.stage when 'open' then deals.qualified_on when 'qualified' then deals.proposed_on else deals.won_on end as passed_on
    from deals
    cross join stages
),

-- Time of each deal at each of its stages. A skipped stage has no days.
dwells as (
    select
        is_direct, channel, stage,
        case when won_on is not null then 1 else 0 end as is_won,
        {{ days_between('entered_on', 'as_of') }} as known_days,
        {{ days_between('entered_on', earliest(['passed_on', 'ended_on', 'as_of'])) }} as days
    from stays
    where entered_on is not null
),

-- Only deals that reached the age long enough ago for the result to be known.
outcomes as (
    select dwells.is_direct, dwells.channel, dwells.stage, ages.age_days, sum(dwells.is_won) as won, count(*) as deals
    from dwells
    inner join ages on dwells.days > ages.age_days and dwells.known_days >= ages.age_days + {{ var('cohort_mature_days') }}
    group by dwells.is_direct, dwells.channel, dwells.stage, ages.age_days
),

usual as (
    select is_direct, stage, age_days, sum(won) as won, sum(deals) as deals
    from outcomes
    group by is_direct, stage, age_days
),

open_deals as (
    select
        scopes.entity_id as branch_id,
        scopes.division_id,
        scopes.partner_id,
        deals.channel_class,
        deals.is_direct,
        deals.channel,
        case
            when deals.proposed_on is not null then 'proposed'
            when deals.qualified_on is not null then 'qualified'
            else 'open'
        end as stage,
        {{ days_between('coalesce(deals.proposed_on, deals.qualified_on, deals.open_on)', 'deals.as_of') }} as days,
        case
            when facts.expected_close_on is not null then greatest({{ month_of('facts.expected_close_on') }}, deals.this_month)
        end as close_month,
        facts.expected_close_on < deals.as_of as is_overdue,
        facts.amount
    from deals
    inner join {{ ref('fct_deals') }} as facts on deals.deal_id = facts.deal_id
    inner join {{ ref('int_scope_bridge') }} as bridge
        on deals.branch_version_id = bridge.branch_version_id and bridge.organisation = 'as_is' and bridge.scope = 'branch'
    inner join {{ ref('int_scopes') }} as scopes on bridge.scope_key = scopes.scope_key
    where deals.ended_on is null
),

-- The highest age reached. A deal with a start in the future has the lowest age.
age_bands as (
    select age_days, coalesce(lead(age_days) over (order by age_days), {{ not_yet() }}) as next_age_days from ages
),

aged as (
    select open_deals.*, age_bands.age_days
    from open_deals
    inner join age_bands
        on
            greatest(open_deals.days, 0) >= age_bands.age_days
            and greatest(open_deals.days, 0) < age_bands.next_age_days
),

counted as (
    select
        branch_id,
        division_id,
        partner_id,
        channel_class,
        is_direct,
        channel,
        stage,
        age_days,
        close_month,
        count(*) as open_deals,
        sum(case when is_overdue then 1 else 0 end) as overdue_deals,
        coalesce(sum(case when is_overdue then amount end), 0) as overdue_amount,
        coalesce(sum(amount), 0) as pipeline_amount
    from aged
    group by branch_id, division_id, partner_id, channel_class, is_direct, channel, stage, age_days, close_month
),

-- A channel with too few deals takes the share of all partner deals, or of all direct deals.
weighed as (
    select
        counted.*,
        case when outcomes.deals >= {{ var('n_min') }} then outcomes.won else coalesce(usual.won, 0) end as won,
        case when outcomes.deals >= {{ var('n_min') }} then outcomes.deals else coalesce(usual.deals, 0) end as deals
    from counted
    left join outcomes
        on
            counted.is_direct = outcomes.is_direct and counted.channel = outcomes.channel
            and counted.stage = outcomes.stage and counted.age_days = outcomes.age_days
    left join usual
        on counted.is_direct = usual.is_direct and counted.stage = usual.stage and counted.age_days = usual.age_days
)

select
    branch_id,
    division_id,
    partner_id,
    channel_class,
    channel,
    stage,
    age_days,
    close_month,
    open_deals,
    cast(overdue_deals as bigint) as overdue_deals,
    cast(overdue_amount as {{ money_type() }}) as overdue_amount,
    cast(pipeline_amount as {{ money_type() }}) as pipeline_amount,
    cast(won as bigint) as win_probability_numerator,
    cast(deals as bigint) as win_probability_denominator,
    {{ rate('won', 'deals', var('n_min')) }} as win_probability,
    {{ round_money('pipeline_amount * ' ~ rate('won', 'deals', var('n_min'))) }} as pipeline_weighted,
    {{ round_money('overdue_amount * ' ~ rate('won', 'deals', var('n_min'))) }} as overdue_weighted
from weighed
