-- Why revenue changed: the number of branches with wins, salespeople per branch, wins per salesperson, or size of
-- deals. Their product is the revenue, so the change is split by logarithmic means (LMDI), whose parts add up to it.
-- noqa: disable=LT02,LT05
{% set factors = ['active_branches', 'reps_per_branch', 'wins_per_rep', 'average_deal'] -%}
{% set measures = ['won_amount', 'known_amount', 'active_branches', 'producing_reps', 'deals_won'] -%}

with wins as (
    select * from {{ ref('int_period_wins') }}
),

totals as (
    select
        scope, entity_id, period_type, months, period_start, is_previous,
        sum(won_amount) as won_amount,
        sum(case when is_known then won_amount else cast(0 as {{ money_type() }}) end) as known_amount,
        count(distinct case when deals_won > 0 and not is_sentinel then branch_id end) as active_branches,
        count(distinct case when deals_won > 0 and is_known then rep_id end) as producing_reps,
        sum(case when is_known then deals_won else 0 end) as deals_won
    from wins
    group by scope, entity_id, period_type, months, period_start, is_previous
),

-- The smallest number of branches with four fifths of the money. Money of unknown branches is part of the total, but is
-- no branch. Null where known branches make less.
largest as (
    select scope, entity_id, period_type, period_start, count(*) as units_to_80, max(total) as total, max(running_total) as reached
    from (
        select
            scope, entity_id, period_type, period_start, branch_id,
            is_sentinel,
            won_amount,
            sum(won_amount) over (partition by scope, entity_id, period_type, period_start) as total,
            sum(case when is_sentinel then cast(0 as {{ money_type() }}) else won_amount end) over (
                partition by scope, entity_id, period_type, period_start
                order by won_amount desc, branch_id
                rows between unbounded preceding and current row
            ) as running_total
        from (
            select scope, entity_id, period_type, period_start, branch_id, is_sentinel, coalesce(sum(won_amount), 0) as won_amount
            from wins
            where not is_previous
            group by scope, entity_id, period_type, period_start, branch_id, is_sentinel
        ) as branches
    ) as ranked
    where not is_sentinel and won_amount > 0 and running_total - won_amount < 0.8 * total
    group by scope, entity_id, period_type, period_start
),

pairs as (
    select
        scope, entity_id, period_type, months, period_start,
        {% for measure in measures -%}
        coalesce(sum(case when not is_previous then {{ measure }} end), 0) as {{ measure }},
        coalesce(sum(case when is_previous then {{ measure }} end), 0) as previous_{{ measure }}
        {{- ',' if not loop.last }}
        {% endfor %}
    from totals
    group by scope, entity_id, period_type, months, period_start
),

measured as (
    select
        *,
        known_amount - previous_known_amount as known_change,
        {% for side in ['', 'previous_'] -%}
        {{ rate(side ~ 'producing_reps', side ~ 'active_branches') }} as {{ side }}reps_per_branch,
        {{ rate(side ~ 'deals_won', side ~ 'producing_reps') }} as {{ side }}wins_per_rep,
        case when {{ side }}known_amount > 0 then {{ rate(side ~ 'known_amount', side ~ 'deals_won') }} end as {{ side }}average_deal
        {{- ',' if not loop.last }}
        {% endfor %}
    from pairs
),

-- Parts of the change due to the first one, two and three factors, as running sums. Where one of the two years has no
-- win by a known salesperson, the whole change is due to branches; if both years have active branches, it is due to
-- salespeople. Where there are only returns, or returns exceed the wins of a year, it is due to the average deal.
shares as (
    select
        *,
        {% for last in range(1, 4) -%}
        case
            when deals_won = 0 and previous_deals_won = 0 then cast(0 as double)
            {%- if last == 1 %}
            when (deals_won = 0 or previous_deals_won = 0) and active_branches > 0 and previous_active_branches > 0
                then cast(0 as double)
            {%- endif %}
            when deals_won = 0 or previous_deals_won = 0 then cast(known_change as double)
            when known_amount <= 0 or previous_known_amount <= 0 then cast(0 as double)
            else
                -- The logarithmic mean of the two years; where they are equal, their value.
                case
                    when known_change = 0 then cast(known_amount as double)
                    else cast(known_change as double) / ln(cast(known_amount as double) / cast(previous_known_amount as double))
                end
                * ln(
                    {%- for factor in factors[:last] %}
                    (cast({{ factor }} as double) / cast(previous_{{ factor }} as double)){{ ' *' if not loop.last }}
                    {%- endfor %}
                )
        end as running_{{ last }}
        {{- ',' if not loop.last }}
        {% endfor %}
    from measured
),

-- Rounded as running sums, so that the parts add up exactly.
rounded as (
    select
        *,
        {% for last in range(1, 4) -%}
        {{ round_money('running_' ~ last) }} as explained_{{ last }}
        {{- ',' if not loop.last }}
        {% endfor %}
    from shares
)

select
    rounded.scope,
    rounded.entity_id,
    rounded.period_type,
    rounded.period_start,
    {{ fiscal_year('rounded.period_start') }} as fiscal_year,
    case rounded.period_type
        when 'year' then 'FY'
        when 'half' then {{ fiscal_half('rounded.period_start') }}
        else {{ fiscal_quarter('rounded.period_start') }}
    end as fiscal_period,
    {{ add_months('rounded.period_start', 'rounded.months') }} <= {{ add_days('today.as_of', 1) }} as is_complete,
    cast(rounded.won_amount as {{ money_type() }}) as won_amount,
    cast(rounded.previous_won_amount as {{ money_type() }}) as previous_won_amount,
    cast(rounded.won_amount - rounded.previous_won_amount as {{ money_type() }}) as change_amount,
    {% for side in ['', 'previous_'] -%}
    cast(rounded.{{ side }}known_amount as {{ money_type() }}) as {{ side }}known_amount,
    cast(rounded.{{ side }}won_amount - rounded.{{ side }}known_amount as {{ money_type() }}) as {{ side }}unassigned_amount,
    {% endfor -%}
    {% for side in ['', 'previous_'] -%}
    cast(rounded.{{ side }}active_branches as bigint) as {{ side }}active_branches,
    cast(rounded.{{ side }}producing_reps as bigint) as {{ side }}producing_reps,
    cast(rounded.{{ side }}deals_won as bigint) as {{ side }}deals_won,
    rounded.{{ side }}reps_per_branch,
    rounded.{{ side }}wins_per_rep,
    rounded.{{ side }}average_deal,
    {% endfor -%}
    rounded.explained_1 as active_branches_effect,
    cast(rounded.explained_2 - rounded.explained_1 as {{ money_type() }}) as reps_per_branch_effect,
    cast(rounded.explained_3 - rounded.explained_2 as {{ money_type() }}) as wins_per_rep_effect,
    cast(rounded.known_change - rounded.explained_3 as {{ money_type() }}) as average_deal_effect,
    cast(
        rounded.won_amount - rounded.previous_won_amount - rounded.known_change as {{ money_type() }}
    ) as unassigned_effect,
    case when largest.reached >= 0.8 * largest.total then largest.units_to_80 end as units_to_80
from rounded
left join largest
    on
        rounded.scope = largest.scope
        and rounded.entity_id = largest.entity_id
        and rounded.period_type = largest.period_type
        and rounded.period_start = largest.period_start
cross join {{ ref('int_as_of') }} as today
