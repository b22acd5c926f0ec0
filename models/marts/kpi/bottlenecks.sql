-- Which step of a branch's funnel loses most: how many deals fewer pass it than pass it elsewhere, and what they would have
-- brought. The window ends when its youngest deals have had time enough: of later ones only the fast would have passed.
-- noqa: disable=LT02,LT05
{% set steps = ['open', 'qualified', 'proposed'] -%}

with windows as (
    select
        {{ add_months('as_of', -12) }} as year_start,
        {{ add_months(add_days('as_of', -var('cohort_mature_days')), -var('bottleneck_window_months')) }} as window_start,
        {{ add_days('as_of', -var('cohort_mature_days')) }} as window_end
    from {{ ref('int_as_of') }}
),

passages as (
    {% for step in steps -%}
    {% set next_step = steps[loop.index] if not loop.last else 'won' -%}
    select
        deals.branch_id, windows.window_start, windows.window_end,
        '{{ step }}' as step, {{ loop.index }} as step_order,
        case when deals.{{ next_step }}_on is not null then 1 else 0 end as is_passed,
        case when deals.won_on is not null then 1 else 0 end as is_won
    from {{ ref('int_deal_milestones') }} as deals
    inner join windows on deals.{{ step }}_on > windows.window_start and deals.{{ step }}_on <= windows.window_end
    where
        deals.branch_id != 'DIRECT'
        -- What was passed on its day was skipped: losses that skipped a step do not enter it at all.
        and coalesce(deals.{{ next_step }}_on, {{ for_ever() }}) > deals.{{ step }}_on
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

won as (
    select won_months.branch_id, sum(won_months.amount) as won_amount, sum(case when won_months.is_won then 1 else 0 end) as wins
    from {{ ref('int_won_months') }} as won_months
    inner join windows on won_months.month > windows.year_start
    where won_months.channel_class != 'direct'
    group by won_months.branch_id
),

-- What is usual: all branches together. A deal that passes a step still has to be won.
usual_rates as (
    select
        step,
        {{ rate('sum(is_passed)', 'count(*)', var('n_min')) }} as reference_rate,
        {{ rate('sum(is_passed * is_won)', 'sum(is_passed)') }} as rate_after
    from passages
    group by step
),

-- A few very large deals would make the mean of all a deal that hardly anybody wins.
usual_deal as (
    select {{ median('won_months.amount') }} as median_deal
    from {{ ref('int_won_months') }} as won_months
    inner join windows on won_months.month > windows.year_start
    where won_months.channel_class != 'direct' and won_months.is_won
),

measured as (
    select
        passages.branch_id,
        passages.window_start,
        passages.window_end,
        passages.step,
        passages.step_order,
        count(*) as entered,
        sum(passages.is_passed) as passed,
        {{ rate('sum(passages.is_passed)', 'count(*)', var('n_min')) }} as pass_rate
    from passages
    group by passages.branch_id, passages.window_start, passages.window_end, passages.step, passages.step_order
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
    left join won on measured.branch_id = won.branch_id
    cross join usual_deal
),

priced as (
    select *, {{ round_money('deals_missing * rate_after * average_deal') }} as lost_amount
    from losses
)

select
    priced.branch_id,
    branches.partner_id,
    priced.step,
    cast(priced.step_order as integer) as step_order,
    priced.window_start,
    priced.window_end,
    cast(priced.entered as bigint) as entered,
    cast(priced.passed as bigint) as passed,
    priced.pass_rate,
    priced.reference_rate,
    priced.deals_missing,
    priced.average_deal,
    priced.lost_amount,
    -- Of less than a deal every branch misses some at some step.
    coalesce(
        priced.deals_missing >= 1
        and priced.lost_amount > 0
        and row_number() over (
            partition by priced.branch_id
            order by case when priced.deals_missing >= 1 then coalesce(priced.lost_amount, 0) else 0 end desc, priced.step_order
        ) = 1, false
    ) as is_bottleneck,
    plays.play as recommended_play,
    plays.play_ja as recommended_play_ja
from priced
inner join {{ ref('dim_branch') }} as branches on priced.branch_id = branches.branch_id and not branches.is_sentinel
left join {{ ref('plays') }} as plays on priced.step = plays.step
