-- Who makes a branch's money: how many of its salespeople, how evenly, and so what to do next. Window: the twelve months to date.
with months as (
    select * from {{ ref('branch_monthly') }}
),

unassigned as (
    select branch_id, month, sum(deals_won) as deals_won, sum(won_amount) as won_amount
    from {{ ref('int_rep_years') }}
    where rep_id = 'NONE'
    group by branch_id, month
),

producers as (
    select * from {{ ref('int_producers') }}
),

deal_sizes as (
    select scope, entity_id, month, median_deal from {{ ref('performance') }} where scope in ('branch', 'company')
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
        coalesce(own.producing_reps, 0) as producing_reps,
        cast(coalesce(own.won_amount, 0) as {{ money_type() }}) as reps_won_amount,
        case
            when own.won_amount > 0
                then own.squares / power(cast(own.won_amount as double), 2)
        end as rep_hhi,
        case
            when own.won_amount > 0
                then cast(own.top_rep_amount as double) / cast(own.won_amount as double)
        end as top_rep_share,
        {{ round_money('own.median_rep_amount') }} as median_rep_amount,
        cast(coalesce(unassigned.deals_won, 0) as bigint) as unassigned_wins,
        cast(coalesce(unassigned.won_amount, 0) as {{ money_type() }}) as unassigned_amount,
        case
            -- Of one or two producers the median says little.
            when own.producing_reps >= {{ var('headroom_min_reps') }} then 'branch'
            when of_partner.producing_reps >= {{ var('headroom_min_reps') }} then 'partner'
            when of_all.producing_reps > 0 then 'company'
        end as headroom_basis,
        of_partner.median_rep_amount as partner_rep_amount,
        of_all.median_rep_amount as company_rep_amount,
        deal_sizes.median_deal,
        usual_sizes.median_deal as reference_median_deal,
        {{ rate('coalesce(own.producing_reps, 0)', 'months.headcount') }} as rep_penetration,
        closed.deals_won,
        closed.deals_closed,
        {{ rate('closed.deals_won', 'closed.deals_closed', var('n_min')) }} as win_rate_t12m,
        {{ rate('usual.deals_won', 'usual.deals_closed', var('n_min')) }} as reference_win_rate
    from months
    inner join {{ ref('dim_branch') }} as branches on months.branch_id = branches.branch_id and not branches.is_sentinel
    left join closed on months.branch_id = closed.branch_id and months.month = closed.month
    left join usual on months.month = usual.month
    left join producers as own on own.scope = 'branch' and months.branch_id = own.entity_id and months.month = own.month
    left join unassigned on months.branch_id = unassigned.branch_id and months.month = unassigned.month
    left join producers as of_partner
        on of_partner.scope = 'partner' and months.partner_id = of_partner.entity_id and months.month = of_partner.month
    left join producers as of_all on of_all.scope = 'company' and months.month = of_all.month
    left join deal_sizes
        on deal_sizes.scope = 'branch' and months.branch_id = deal_sizes.entity_id and months.month = deal_sizes.month
    left join deal_sizes as usual_sizes on usual_sizes.scope = 'company' and months.month = usual_sizes.month
),

-- The first of the three that is below what it should be. Each win without a salesperson may be that of one more.
judged as (
    select
        *,
        case
            when headcount is null then null
            when producing_reps + unassigned_wins < {{ var('target_penetration') }} * headcount then 'widen_contacts'
            when producing_reps < {{ var('target_penetration') }} * headcount then 'name_reps'
            when win_rate_t12m < reference_win_rate then 'raise_win_rate'
            when win_rate_t12m is null then null
            when median_deal >= reference_median_deal then 'sell_more'
            else 'raise_deal_size'
        end as finding
    from measured
),

levers as (
    select
        *,
        case
            when finding = 'sell_more' then 'raise_deal_size'
            when finding != 'name_reps' then finding
        end as lever,
        case headroom_basis
            when 'branch' then median_rep_amount
            when 'partner' then partner_rep_amount
            else company_rep_amount
        end as headroom_rep_amount,
        case when headcount is not null then greatest({{ var('target_penetration') }} * headcount - producing_reps, 0) end
            as headroom_reps
    from judged
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
        "cast(levers.headroom_reps * " ~ var('headroom_ramp') ~ " as decimal(19, 4)) * " ~ round_money('levers.headroom_rep_amount')
    ) }} as headroom_amount,
    case when levers.headcount is not null then levers.headroom_basis end as headroom_basis,
    levers.unassigned_wins,
    levers.unassigned_amount,
    levers.median_deal,
    levers.reference_median_deal,
    cast(levers.deals_won as bigint) as win_rate_t12m_numerator,
    cast(levers.deals_closed as bigint) as win_rate_t12m_denominator,
    levers.win_rate_t12m,
    levers.reference_win_rate,
    levers.lever,
    {{ lever_reason('en') }} as lever_reason,
    {{ lever_reason('ja') }} as lever_reason_ja
from levers
