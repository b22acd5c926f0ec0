-- A proposal of the money that each branch brings in the next fiscal year. It takes the run rate of the last twelve complete months,
-- the growth of branches that were in the same segment a year ago, and no more than the branch can sell: what it won and its
-- headroom. A branch without wins gets the part of its headroom that is sure. What worked is no part of the amount: the effect of an
-- action is in new deals, and a proposal names it next to the amount. Besides the proposal of the last complete month there is one at
-- the end of each fiscal quarter, from months up to then, for its business review. It names no action: effects are of all halves.
with months as (
    select month, month_end, is_latest
    from (
        select month, month_end, has_twelve_months, month = max(month) over () as is_latest from {{ ref('int_months') }} where is_complete
    ) as complete_months
    where has_twelve_months and (is_latest or mod({{ fiscal_month('month') }}, 3) = 0)
),

branches as (
    select scopes.scope_key, scopes.entity_id as branch_id, months.month, months.month_end, months.is_latest
    from {{ ref('int_scopes') }} as scopes
    cross join months
    where
        scopes.organisation = 'as_is' and scopes.scope = 'branch' and not scopes.is_special
        and scopes.closed_on > months.month_end
),

results as (
    select
        branches.branch_id, branches.scope_key, branches.month, branches.is_latest,
        cast(coalesce(this_year.won_amount_t12m, 0) as double) as run_rate,
        coalesce(this_year.deals_won_t12m, 0) as wins,
        cast(year_before.won_amount_t12m as double) as run_rate_before,
        year_before.deals_won_t12m as wins_before,
        cast(headrooms.headroom_amount as double) as headroom_amount,
        cast(headrooms.headroom_amount_min as double) as headroom_amount_min
    from branches
    left join {{ ref('int_performance') }} as this_year
        on branches.scope_key = this_year.scope_key and branches.month = this_year.month
    left join {{ ref('int_performance') }} as year_before
        on
            branches.scope_key = year_before.scope_key and {{ add_months('branches.month', -12) }} = year_before.month
            and year_before.has_twelve_months
    left join {{ ref('int_headrooms') }} as headrooms
        on branches.scope_key = headrooms.scope_key and branches.month = headrooms.month
),

-- Segments of a year ago, so that a branch is not in a segment because of the growth that is measured.
segments as (
    select
        segments.branch_id, segments.segment, months.month,
        segments.period_end <= {{ add_months('months.month_end', -12) }} as is_before,
        row_number() over (
            partition by months.month, segments.branch_id, segments.period_end <= {{ add_months('months.month_end', -12) }}
            order by segments.period_end desc nulls last
        ) as recency,
        row_number() over (partition by months.month, segments.branch_id order by segments.period_end desc nulls last) as latest
    from {{ ref('branch_segments') }} as segments
    inner join months on segments.period_end <= months.month_end
),

company as (
    select
        month,
        case when sum(run_rate_before) > 0 then sum(case when run_rate_before is not null then run_rate end) / sum(run_rate_before) end
            as growth,
        cast(sum(case when wins_before is not null then wins end) as double) / nullif(sum(wins_before), 0) as wins_growth
    from results
    group by month
),

-- More wins with the growth of all branches (budget_prior_wins) keep a small segment from growing by chance.
growths as (
    select
        results.month,
        segments.segment,
        count(*) as segment_branches,
        max(company.growth)
        * {{ shrunk_ratio('sum(results.wins)', 'sum(results.wins_before * company.wins_growth)', var('budget_prior_wins')) }} as growth
    from results
    inner join company on results.month = company.month
    inner join segments
        on results.month = segments.month and results.branch_id = segments.branch_id and segments.is_before and segments.recency = 1
    where results.wins_before is not null
    group by results.month, segments.segment
),

judged as (
    select
        results.*,
        segments.segment,
        growths.segment_branches,
        case when growths.segment_branches >= {{ var('pooling_min_entities') }} then 'segment' when company.growth > 0 then 'company' end
            as growth_basis,
        case when growths.segment_branches >= {{ var('pooling_min_entities') }} then growths.growth else company.growth end as usual_growth,
        case when results.headroom_amount is not null then greatest(results.run_rate, 0) + results.headroom_amount end as capacity
    from results
    inner join company on results.month = company.month
    left join segments on results.month = segments.month and results.branch_id = segments.branch_id and segments.latest = 1
    left join growths on results.month = growths.month and segments.segment = growths.segment
),

-- Neither a boom nor a slump goes on as it was.
bounded as (
    select
        *,
        case
            when usual_growth is not null
                then greatest(
                    least(usual_growth, cast({{ var('budget_growth_cap') }} as double)),
                    1 / cast({{ var('budget_growth_cap') }} as double)
                )
        end as growth
    from judged
),

proposed as (
    select
        *,
        case
            when run_rate <= 0 and headroom_amount_min > 0 then 'headroom'
            when run_rate <= 0 then 'nothing'
            when growth is null then 'run_rate'
            when growth > 1 and capacity is not null and capacity < run_rate * growth then 'capacity'
            else 'growth'
        end as basis
    from bounded
),

-- What worked among the branches of the same segment; where nothing is known of them, among all branches.
kinds as (
    select branch_id, 'ALL' as kind, 2 as nearness from proposed where is_latest
    union all
    select branch_id, segment as kind, 1 as nearness from proposed where is_latest and segment is not null
),

effects as (
    select
        kinds.branch_id, effects.action_type, effects.n, effects.action_effect, effects.interval_low, effects.interval_high,
        effects.verdict, case kinds.nearness when 1 then 'segment' else 'company' end as effect_basis,
        row_number() over (partition by kinds.branch_id, effects.action_type order by kinds.nearness nulls last) as place
    from kinds
    inner join {{ ref('int_action_effects') }} as effects on kinds.kind = effects.kind and effects.period_type = 'all'
    where effects.verdict != 'not_enough_evidence'
),

-- Of several actions the one whose effect is surest to be large.
worked as (
    select *, row_number() over (partition by branch_id order by interval_low desc nulls last, action_type nulls last) as preference
    from effects
    where place = 1 and verdict = 'works'
),

done as (
    select actions.branch_id, actions.action_type, count(*) as months
    from {{ ref('int_actions') }} as actions
    inner join months
        on months.is_latest and actions.month <= months.month and actions.month > {{ add_months('months.month', -12) }}
    where actions.is_done
    group by actions.branch_id, actions.action_type
)

select
    proposed.scope_key, proposed.branch_id, proposed.month, proposed.segment, proposed.segment_branches, proposed.run_rate,
    proposed.headroom_amount, proposed.capacity, proposed.growth_basis, proposed.growth, proposed.basis,
    case proposed.basis
        when 'headroom' then proposed.headroom_amount_min
        when 'nothing' then cast(0 as double)
        when 'run_rate' then proposed.run_rate
        when 'capacity' then proposed.capacity
        else proposed.run_rate * proposed.growth
    end as proposal,
    worked.action_type,
    worked.effect_basis,
    worked.n as effect_actions,
    worked.action_effect,
    worked.interval_low,
    worked.interval_high,
    case when worked.action_type is not null then coalesce(done.months, 0) end as action_months
from proposed
left join worked on proposed.is_latest and proposed.branch_id = worked.branch_id and worked.preference = 1
left join done on proposed.branch_id = done.branch_id and worked.action_type = done.action_type
