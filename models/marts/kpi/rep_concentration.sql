-- Who makes a branch's money: how many of its salespeople, how evenly, and so what to do next. Window: the twelve months to date.
with months as (
    select * from {{ ref('branch_monthly') }}
),

rep_months as (
    select rep_id, branch_id, month, deals_won, won_amount
    from {{ ref('rep_monthly') }}
    where rep_id != 'NONE' and (deals_won > 0 or won_amount != 0)
),

-- A rep's month stands in its own window and in those of the eleven months after it.
reps as (
    select
        wanted.month,
        rep_months.branch_id,
        rep_months.rep_id,
        -- A rep whose returns outweigh the wins makes no share of the money.
        cast(greatest(sum(rep_months.won_amount), 0) as {{ money_type() }}) as won_amount
    from rep_months
    inner join {{ ref('int_months') }} as wanted
        on
            rep_months.month <= wanted.month
            and rep_months.month > {{ add_months('wanted.month', -12) }}
    group by wanted.month, rep_months.branch_id, rep_months.rep_id
    having sum(rep_months.deals_won) > 0
),

-- Squares are summed as decimals: a sum of floats depends on the order of its rows.
concentration as (
    select
        branch_id,
        month,
        count(*) as producing_reps,
        sum(won_amount) as won_amount,
        max(won_amount) as top_rep_amount,
        cast(sum(cast(won_amount as decimal(19, 2)) * cast(won_amount as decimal(19, 2))) as double) as squares,
        {{ median('won_amount') }} as median_rep_amount
    from reps
    group by branch_id, month
),

-- Branches' months are dense, so twelve rows are twelve months.
closed as (
    select
        branch_id,
        month,
        sum(deals_won) over trailing_year as deals_won,
        sum(deals_won + deals_lost) over trailing_year as deals_closed
    from months
    window trailing_year as (partition by branch_id order by month rows between 11 preceding and current row)
),

usual as (
    select closed.month, sum(closed.deals_won) as deals_won, sum(closed.deals_closed) as deals_closed
    from closed
    inner join {{ ref('dim_branch') }} as branches on closed.branch_id = branches.branch_id
    where branches.branch_id != 'DIRECT'
    group by closed.month
),

measured as (
    select
        months.branch_id,
        months.partner_id,
        months.month,
        months.fiscal_year,
        months.fiscal_half,
        months.fiscal_quarter,
        months.is_complete,
        months.has_twelve_months,
        months.headcount,
        coalesce(concentration.producing_reps, 0) as producing_reps,
        cast(coalesce(concentration.won_amount, 0) as {{ money_type() }}) as reps_won_amount,
        case
            when concentration.won_amount > 0
                then concentration.squares / power(cast(concentration.won_amount as double), 2)
        end as rep_hhi,
        case
            when concentration.won_amount > 0
                then cast(concentration.top_rep_amount as double) / cast(concentration.won_amount as double)
        end as top_rep_share,
        {{ round_money('concentration.median_rep_amount') }} as median_rep_amount,
        {{ rate('coalesce(concentration.producing_reps, 0)', 'months.headcount') }} as rep_penetration,
        closed.deals_won,
        closed.deals_closed,
        {{ rate('closed.deals_won', 'closed.deals_closed', var('n_min')) }} as win_rate_t12m,
        {{ rate('usual.deals_won', 'usual.deals_closed', var('n_min')) }} as reference_win_rate
    from months
    inner join {{ ref('dim_branch') }} as branches on months.branch_id = branches.branch_id and not branches.is_sentinel
    left join closed on months.branch_id = closed.branch_id and months.month = closed.month
    left join usual on months.month = usual.month
    left join concentration on months.branch_id = concentration.branch_id and months.month = concentration.month
),

levers as (
    select
        *,
        case
            when rep_penetration is null then null
            when rep_penetration < {{ var('target_penetration') }} then 'widen_contacts'
            when win_rate_t12m < reference_win_rate then 'raise_win_rate'
            when win_rate_t12m is not null then 'raise_deal_size'
        end as lever,
        case when headcount is not null then greatest({{ var('target_penetration') }} * headcount - producing_reps, 0) end
            as headroom_reps
    from measured
)

select
    levers.branch_id,
    levers.partner_id,
    levers.month,
    levers.fiscal_year,
    levers.fiscal_half,
    levers.fiscal_quarter,
    levers.is_complete,
    levers.has_twelve_months,
    cast(levers.producing_reps as bigint) as producing_reps,
    levers.headcount,
    levers.rep_penetration,
    levers.reps_won_amount,
    levers.rep_hhi,
    1 / levers.rep_hhi as effective_reps,
    levers.top_rep_share,
    levers.median_rep_amount,
    cast(levers.headroom_reps as double) as headroom_reps,
    {{ round_money(
        "cast(levers.headroom_reps * " ~ var('headroom_ramp') ~ " as decimal(19, 4)) * levers.median_rep_amount"
    ) }} as headroom_amount,
    cast(levers.deals_won as bigint) as win_rate_t12m_numerator,
    cast(levers.deals_closed as bigint) as win_rate_t12m_denominator,
    levers.win_rate_t12m,
    levers.reference_win_rate,
    levers.lever,
    {{ lever_reason('en') }} as lever_reason,
    {{ lever_reason('ja') }} as lever_reason_ja
from levers
