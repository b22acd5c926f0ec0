-- What may still come in: deals that are open today, by the month in which they should close, each weighted by how often deals of
-- its channel that stood as long at its stage were won later. Overdue deals are in today's month.
-- noqa: disable=LT02,LT05
{% set next_stages = {'open': 'qualified', 'qualified': 'proposed', 'proposed': 'won'} -%}
{% set ages = var('pipeline_ages') -%}

with today as (
    select as_of, {{ month_of('as_of') }} as this_month from {{ ref('int_as_of') }}
),

deals as (
    select
        deal_id, branch_id, partner_id, channel_class, channel_class = 'direct' as is_direct, coalesce(channel, 'none') as channel,
        open_on, qualified_on, proposed_on, won_on, {{ earliest(['won_on', 'lost_on']) }} as ended_on
    from {{ ref('int_deal_milestones') }}
),

-- How long each deal stood at each of its stages: not at all at one that it skipped.
stands as (
    {% for stage, next_stage in next_stages.items() -%}
    select
        deals.is_direct, deals.channel, '{{ stage }}' as stage,
        case when deals.won_on is not null then 1 else 0 end as is_won,
        {{ dbt.datediff('deals.' ~ stage ~ '_on', 'today.as_of', 'day') }} as known_days,
        {{ dbt.datediff(
            'deals.' ~ stage ~ '_on', earliest(['deals.' ~ next_stage ~ '_on', 'deals.ended_on', 'today.as_of']), 'day'
        ) }} as days
    from deals
    cross join today
    where deals.{{ stage }}_on is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

-- Of those that stood there at an age, long enough ago for the outcome to have come.
outcomes as (
    {% for age_days in ages -%}
    select is_direct, channel, stage, {{ age_days }} as age_days, sum(is_won) as won, count(*) as deals
    from stands
    where days > {{ age_days }} and known_days >= {{ age_days + var('cohort_mature_days') }}
    group by is_direct, channel, stage
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

usual as (
    select is_direct, stage, age_days, sum(won) as won, sum(deals) as deals
    from outcomes
    group by is_direct, stage, age_days
),

open_deals as (
    select
        deals.branch_id,
        deals.partner_id,
        deals.channel_class,
        deals.is_direct,
        deals.channel,
        case when deals.proposed_on is not null then 'proposed' when deals.qualified_on is not null then 'qualified' else 'open' end as stage,
        coalesce(deals.proposed_on, deals.qualified_on, deals.open_on) as reached_on,
        greatest({{ month_of('facts.expected_close_on') }}, today.this_month) as due_month,
        facts.expected_close_on,
        facts.expected_close_on < today.as_of as is_overdue,
        facts.amount,
        today.as_of
    from deals
    inner join {{ ref('fct_deals') }} as facts on deals.deal_id = facts.deal_id
    cross join today
    where deals.ended_on is null
),

aged as (
    select
        *,
        case
            {%- for age_days in ages[1:] | reverse %}
            when as_of >= {{ add_days('reached_on', age_days) }} then {{ age_days }}
            {%- endfor %}
            else {{ ages[0] }}
        end as age_days
    from open_deals
),

counted as (
    select
        branch_id,
        partner_id,
        channel_class,
        is_direct,
        channel,
        stage,
        age_days,
        case when expected_close_on is not null then due_month end as close_month,
        count(*) as open_deals,
        sum(case when is_overdue then 1 else 0 end) as overdue_deals,
        coalesce(sum(case when is_overdue then amount end), 0) as overdue_amount,
        coalesce(sum(amount), 0) as pipeline_amount
    from aged
    group by
        branch_id, partner_id, channel_class, is_direct, channel, stage, age_days,
        case when expected_close_on is not null then due_month end
),

-- A channel with too few deals takes what is usual of all partners, or of all direct sales.
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
