-- The step of an entity's funnel that loses most: how many fewer deals pass it than elsewhere, and the money that they
-- would have brought. Both use the estimated rate of int_pooled_rates, so that a few unlucky deals are no bottleneck.
with windows as (
    select {{ add_months('as_of', -12) }} as year_start from {{ ref('int_as_of') }}
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

-- All branches together. A deal that passes a step still has to be won.
steps as (
    select step, step_order, {{ rate('sum(is_passed * is_won)', 'sum(is_passed)') }} as rate_after
    from {{ ref('int_step_passages') }}
    group by step, step_order
),

-- The median, because a few very large deals would make the mean larger than most deals.
usual_deal as (
    select {{ median_money('amount') }} as median_deal from won_months where is_won
),

losses as (
    select
        scopes.scope_key,
        rates.window_start,
        rates.window_end,
        steps.step,
        steps.step_order,
        rates.denominator as entered,
        rates.numerator as passed,
        rates.raw_rate as pass_rate,
        rates.estimated_rate,
        rates.interval_low,
        rates.interval_high,
        rates.reference_rate,
        rates.evidence,
        coalesce(rates.versus_reference = 'below', false) as is_below,
        case when rates.raw_rate is not null then greatest(rates.denominator * (rates.reference_rate - rates.estimated_rate), 0) end
            as deals_missing,
        coalesce(steps.rate_after, 0) as rate_after,
        coalesce(
            case when won.won_amount > 0 then {{ rate('won.won_amount', 'won.wins', var('n_min')) }} end,
            cast(usual_deal.median_deal as double)
        ) as average_deal
    from {{ ref('int_pooled_rates') }} as rates
    inner join scopes on rates.scope = scopes.scope and rates.entity_id = scopes.entity_id
    inner join steps on rates.rate_name = {{ dbt.concat(["'pass_'", 'steps.step']) }}
    left join won on scopes.scope_key = won.scope_key
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
                    when is_below and deals_missing >= 1 then coalesce(lost_amount, cast(0 as {{ money_type() }}))
                    else cast(0 as {{ money_type() }})
                end desc nulls last,
                step_order
        ) as loss_rank
    from priced
),

-- The play that fits best what is lost at the step.
fitting as (
    select
        scopes.scope_key, plays.step, plays.play_id, plays.play, plays.play_ja,
        row_number() over (
            partition by scopes.scope_key, plays.step
            order by
                case when plays.product_family is null then 0 else 1 end + case when plays.channel is null then 0 else 1 end
                + case when plays.lost_reason is null then 0 else 1 end desc nulls last,
                plays.play_id nulls last
        ) as place
    from scopes
    cross join {{ ref('plays') }} as plays
    left join {{ ref('int_step_losses') }} as losses on scopes.scope_key = losses.scope_key and plays.step = losses.step
    where
        (plays.product_family is null or plays.product_family = losses.product_family)
        and (plays.channel is null or plays.channel = losses.channel)
        and (plays.lost_reason is null or plays.lost_reason = losses.lost_reason)
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
    ranked.estimated_rate,
    ranked.interval_low,
    ranked.interval_high,
    ranked.reference_rate,
    ranked.evidence,
    ranked.deals_missing,
    ranked.average_deal,
    ranked.lost_amount,
    -- Half of all entities are below the reference at some step. A bottleneck is below it by more than chance explains, and
    -- costs at least one deal.
    coalesce(ranked.is_below and ranked.deals_missing >= 1 and ranked.lost_amount > 0 and ranked.loss_rank = 1, false) as is_bottleneck,
    plays.play as recommended_play,
    plays.play_ja as recommended_play_ja,
    coalesce(uses.uses, 0) as play_uses,
    coalesce(uses.deals, 0) as play_deals,
    uses.pass_rate as play_pass_rate,
    uses.other_pass_rate as play_other_pass_rate,
    coalesce(uses.evidence, 'none') as play_evidence
from ranked
inner join scopes on ranked.scope_key = scopes.scope_key
left join fitting as plays on ranked.scope_key = plays.scope_key and ranked.step = plays.step and plays.place = 1
left join {{ ref('int_play_uses') }} as uses on plays.play_id = uses.play_id
