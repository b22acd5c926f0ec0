-- The step of an entity's funnel that loses most: how many fewer deals pass it than elsewhere, and the money that they
-- would have brought. The window ends when its youngest deals have had enough time. Of later deals, only the fast ones
-- would have passed.
with windows as (
    select
        {{ add_months('as_of', -12) }} as year_start,
        {{ add_months(add_days('as_of', -var('cohort_mature_days')), -var('bottleneck_window_months')) }} as window_start,
        {{ add_days('as_of', -var('cohort_mature_days')) }} as window_end
    from {{ ref('int_as_of') }}
),

scopes as (
    select scopes.*
    from {{ ref('int_scopes') }} as scopes
    cross join {{ ref('int_as_of') }} as today
    where scopes.organisation = 'as_is' and not scopes.is_special and scopes.closed_on > today.as_of
),

bridge as (
    select bridge.branch_version_id, bridge.scope_key
    from {{ ref('int_scope_bridge') }} as bridge
    inner join scopes on bridge.scope_key = scopes.scope_key
),

steps as (
    select 'open' as step, 1 as step_order
    union all
    select 'qualified' as step, 2 as step_order
    union all
    select 'proposed' as step, 3 as step_order
),

entries as (
    select
        deals.branch_version_id,
        steps.step,
        steps.step_order,
        deals.won_on,
        case steps.step when 'open' then deals.open_on when 'qualified' then deals.qualified_on else deals.proposed_on end as entered_on,
        case steps.step when 'open' then deals.qualified_on when 'qualified' then deals.proposed_on else deals.won_on end as passed_on
    from {{ ref('int_deal_milestones') }} as deals
    cross join steps
    where deals.branch_id != 'DIRECT'
),

passages as (
    select
        entries.branch_version_id, windows.window_start, windows.window_end, entries.step, entries.step_order,
        case when entries.passed_on is not null then 1 else 0 end as is_passed,
        case when entries.won_on is not null then 1 else 0 end as is_won
    from entries
    inner join windows on entries.entered_on > windows.window_start and entries.entered_on <= windows.window_end
    -- A deal that passed on the day of entry skipped the stage and is not counted. A lost deal that skipped a stage has
    -- no entry for it.
    where coalesce(entries.passed_on, {{ for_ever() }}) > entries.entered_on
),

won_months as (
    select won.branch_version_id, won.amount, won.is_won
    from {{ ref('int_won_months') }} as won
    inner join windows on won.month > windows.year_start
    where won.channel_class != 'direct'
),

won as (
    select bridge.scope_key, sum(won_months.amount) as won_amount, sum(case when won_months.is_won then 1 else 0 end) as wins
    from won_months
    inner join bridge on won_months.branch_version_id = bridge.branch_version_id
    group by bridge.scope_key
),

-- The reference: all branches together. A deal that passes a step still has to be won.
usual_rates as (
    select
        step,
        {{ rate('sum(is_passed)', 'count(*)', var('n_min')) }} as reference_rate,
        {{ rate('sum(is_passed * is_won)', 'sum(is_passed)') }} as rate_after
    from passages
    group by step
),

-- The median, because a few very large deals would make the mean larger than most deals.
usual_deal as (
    select {{ median('amount') }} as median_deal from won_months where is_won
),

measured as (
    select
        bridge.scope_key,
        passages.window_start,
        passages.window_end,
        passages.step,
        passages.step_order,
        count(*) as entered,
        sum(passages.is_passed) as passed,
        {{ rate('sum(passages.is_passed)', 'count(*)', var('n_min')) }} as pass_rate
    from passages
    inner join bridge on passages.branch_version_id = bridge.branch_version_id
    group by bridge.scope_key, passages.window_start, passages.window_end, passages.step, passages.step_order
),

losses as (
    select
        measured.*,
        usual_rates.reference_rate,
        case
            when measured.pass_rate is null or usual_rates.reference_rate is null then null
            else greatest(measured.entered * usual_rates.reference_rate - measured.passed, 0)
        end as deals_missing,
        coalesce(usual_rates.rate_after, 0) as rate_after,
        coalesce(
            case when won.won_amount > 0 then {{ rate('won.won_amount', 'won.wins', var('n_min')) }} end,
            cast(usual_deal.median_deal as double)
        ) as average_deal
    from measured
    inner join usual_rates on measured.step = usual_rates.step
    left join won on measured.scope_key = won.scope_key
    cross join usual_deal
),

priced as (
    select *, {{ round_money('deals_missing * rate_after * average_deal') }} as lost_amount
    from losses
),

ranked as (
    select
        *,
        row_number() over (
            partition by scope_key
            order by
                case
                    when deals_missing >= 1 then coalesce(lost_amount, cast(0 as {{ money_type() }}))
                    else cast(0 as {{ money_type() }})
                end desc nulls last,
                step_order
        ) as loss_rank
    from priced
)

select
    scopes.scope,
    scopes.entity_id,
    case when scopes.scope = 'branch' then scopes.entity_id end as branch_id,
    scopes.partner_id,
    ranked.step,
    cast(ranked.step_order as integer) as step_order,
    ranked.window_start,
    ranked.window_end,
    cast(ranked.entered as bigint) as entered,
    cast(ranked.passed as bigint) as passed,
    ranked.pass_rate,
    ranked.reference_rate,
    ranked.deals_missing,
    ranked.average_deal,
    ranked.lost_amount,
    -- Every entity is a fraction of a deal below the reference at some step, so less than one deal is no bottleneck.
    coalesce(ranked.deals_missing >= 1 and ranked.lost_amount > 0 and ranked.loss_rank = 1, false) as is_bottleneck,
    plays.play as recommended_play,
    plays.play_ja as recommended_play_ja
from ranked
inner join scopes on ranked.scope_key = scopes.scope_key
left join {{ ref('plays') }} as plays on ranked.step = plays.step
