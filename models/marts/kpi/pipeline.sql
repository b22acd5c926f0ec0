-- Deals that are open today, at today's branches, by the month in which they should close. Each is weighted by the
-- share of earlier deals that were won later, among deals of the same channel on the days on which they were at the same
-- stage for as long, either overdue or not. Overdue deals are in today's month.
with today as (
    select as_of, {{ month_of('as_of') }} as this_month from {{ ref('int_as_of') }}
),

ages as (
    {% for age_days in var('pipeline_ages') -%}
    select {{ age_days }} as age_days, {{ loop.nextitem or not_yet() }} as next_age_days
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
        milestones.won_on, {{ earliest(['milestones.won_on', 'milestones.lost_on']) }} as ended_on, today.as_of, today.this_month,
        facts.amount, facts.expected_close_on
    from {{ ref('int_deal_milestones') }} as milestones
    inner join {{ ref('fct_deals') }} as facts on milestones.deal_id = facts.deal_id
    cross join today
),

stays as (
    select
        deals.is_direct, deals.channel, deals.won_on, deals.ended_on, deals.as_of,
        deals.expected_close_on, stages.stage,
        case stages.stage when 'open' then deals.open_on when 'qualified' then deals.qualified_on else deals.proposed_on end as entered_on,
        case stages.stage when 'open' then deals.qualified_on when 'qualified' then deals.proposed_on else deals.won_on end as passed_on
    from deals
    cross join stages
),

-- Time of each deal at each of its stages. A skipped stage has no days. Only days long enough ago for the result to be
-- known count.
dwells as (
    select
        is_direct, channel, stage,
        case when won_on is not null then 1 else 0 end as is_won,
        least(
            {{ days_between('entered_on', earliest(['passed_on', 'ended_on', 'as_of'])) }},
            {{ days_between('entered_on', 'as_of') }} - {{ var('cohort_mature_days') }} + 1
        ) as days,
        -- The first day at the stage on which the expected close had passed.
        coalesce({{ days_between('entered_on', 'expected_close_on') }} + 1, {{ not_yet() }}) as overdue_from
    from stays
    where entered_on is not null
),

-- Days of each deal at each age of the stage, before and after its expected close.
days as (
    select
        dwells.is_direct, dwells.channel, dwells.stage, ages.age_days, dwells.is_won,
        greatest(least(dwells.days, ages.next_age_days, dwells.overdue_from) - ages.age_days, 0) as due_days,
        greatest(least(dwells.days, ages.next_age_days) - greatest(ages.age_days, dwells.overdue_from), 0) as overdue_days
    from dwells
    inner join ages on dwells.days > ages.age_days
),

outcomes as (
    select
        is_direct, channel, stage, age_days, false as is_overdue,
        sum(is_won * due_days) as won_days, sum(due_days) as days, count(*) as deals
    from days
    where due_days > 0
    group by is_direct, channel, stage, age_days
    union all
    select
        is_direct, channel, stage, age_days, true as is_overdue,
        sum(is_won * overdue_days) as won_days, sum(overdue_days) as days, count(*) as deals
    from days
    where overdue_days > 0
    group by is_direct, channel, stage, age_days
),

usual as (
    select is_direct, stage, age_days, is_overdue, sum(won_days) as won_days, sum(days) as days, sum(deals) as deals
    from outcomes
    group by is_direct, stage, age_days, is_overdue
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
            when deals.expected_close_on is not null then greatest({{ month_of('deals.expected_close_on') }}, deals.this_month)
        end as close_month,
        coalesce(deals.expected_close_on < deals.as_of, false) as is_overdue,
        deals.amount
    from deals
    inner join {{ ref('int_scope_bridge') }} as bridge
        on deals.branch_version_id = bridge.branch_version_id and bridge.organisation = 'as_is' and bridge.scope = 'branch'
    inner join {{ ref('int_scopes') }} as scopes on bridge.scope_key = scopes.scope_key
    where deals.ended_on is null
),

-- The highest age reached. A deal with a start in the future has the lowest age.
aged as (
    select open_deals.*, ages.age_days
    from open_deals
    inner join ages
        on greatest(open_deals.days, 0) >= ages.age_days and greatest(open_deals.days, 0) < ages.next_age_days
),

counted as (
    select
        branch_id, division_id, partner_id, channel_class, is_direct, channel, stage, age_days, close_month,
        count(*) as open_deals,
        sum(case when is_overdue then 1 else 0 end) as overdue_deals,
        coalesce(sum(case when is_overdue then amount end), 0) as overdue_amount,
        coalesce(sum(amount), 0) as pipeline_amount
    from aged
    group by branch_id, division_id, partner_id, channel_class, is_direct, channel, stage, age_days, close_month
),

-- A channel with too few deals takes the share of all partner deals, or of all direct deals.
odds as (
    select
        usual.is_direct, channels.channel, usual.stage, usual.age_days, usual.is_overdue,
        case when outcomes.deals >= {{ var('n_min') }} then outcomes.won_days else usual.won_days end as won_days,
        case when outcomes.deals >= {{ var('n_min') }} then outcomes.days else usual.days end as days,
        case when outcomes.deals >= {{ var('n_min') }} then outcomes.deals else usual.deals end as deals
    from usual
    inner join (select distinct is_direct, channel from counted) as channels on usual.is_direct = channels.is_direct
    left join outcomes
        on
            usual.is_direct = outcomes.is_direct and channels.channel = outcomes.channel and usual.stage = outcomes.stage
            and usual.age_days = outcomes.age_days and usual.is_overdue = outcomes.is_overdue
),

chances as (
    select *, case when deals >= {{ var('n_min') }} then {{ rate('won_days', 'days') }} end as win_probability from odds
),

weighed as (
    select
        counted.*,
        counted.pipeline_amount - counted.overdue_amount as due_amount,
        coalesce(due.won_days, 0) as won_days,
        coalesce(due.days, 0) as days,
        due.win_probability,
        coalesce(overdue.won_days, 0) as overdue_won_days,
        coalesce(overdue.days, 0) as overdue_days,
        overdue.win_probability as overdue_win_probability
    from counted
    left join chances as due
        on
            counted.is_direct = due.is_direct and counted.channel = due.channel and counted.stage = due.stage
            and counted.age_days = due.age_days and not due.is_overdue
    left join chances as overdue
        on
            counted.is_direct = overdue.is_direct and counted.channel = overdue.channel and counted.stage = overdue.stage
            and counted.age_days = overdue.age_days and overdue.is_overdue
)

select
    branch_id, division_id, partner_id, channel_class, channel, stage, age_days, close_month, open_deals,
    cast(overdue_deals as bigint) as overdue_deals,
    cast(overdue_amount as {{ money_type() }}) as overdue_amount,
    cast(pipeline_amount as {{ money_type() }}) as pipeline_amount,
    cast(won_days as bigint) as win_probability_numerator,
    cast(days as bigint) as win_probability_denominator,
    win_probability,
    cast(overdue_won_days as bigint) as overdue_win_probability_numerator,
    cast(overdue_days as bigint) as overdue_win_probability_denominator,
    overdue_win_probability,
    -- A part without deals needs no probability.
    {{ round_money(
        "case when open_deals > overdue_deals then cast(due_amount as double) * win_probability else cast(0 as double) end"
        ~ " + case when overdue_deals > 0 then cast(overdue_amount as double) * overdue_win_probability else cast(0 as double) end"
    ) }} as pipeline_weighted,
    {{ round_money(
        "case when overdue_deals > 0 then cast(overdue_amount as double) * overdue_win_probability else cast(0 as double) end"
    ) }}
        as overdue_weighted
from weighed
