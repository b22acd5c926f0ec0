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

deals as (
    select scope, entity_id, month, median_deal, win_rate_t12m_numerator, win_rate_t12m_denominator, win_rate_t12m
    from {{ ref('performance') }}
    where scope in ('branch', 'company')
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
        calendar.is_first_year,
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
        deals.median_deal,
        usual.median_deal as reference_median_deal,
        {{ rate('coalesce(own.producing_reps, 0)', 'months.headcount') }} as rep_penetration,
        deals.win_rate_t12m_numerator,
        deals.win_rate_t12m_denominator,
        deals.win_rate_t12m,
        usual.win_rate_t12m as reference_win_rate,
        {{ var('target_penetration') }} * months.headcount as target_reps
    from months
    inner join {{ ref('int_months') }} as calendar on months.month = calendar.month
    inner join {{ ref('dim_branch') }} as branches on months.branch_id = branches.branch_id and not branches.is_sentinel
    left join deals on deals.scope = 'branch' and months.branch_id = deals.entity_id and months.month = deals.month
    left join deals as usual on usual.scope = 'company' and months.month = usual.month
    left join producers as own on own.scope = 'branch' and months.branch_id = own.entity_id and months.month = own.month
    left join unassigned on months.branch_id = unassigned.branch_id and months.month = unassigned.month
    left join producers as of_partner
        on of_partner.scope = 'partner' and months.partner_id = of_partner.entity_id and months.month = of_partner.month
    left join producers as of_all on of_all.scope = 'company' and months.month = of_all.month
),

-- The first that is below what it should be. Each win without a salesperson may be that of one more; and of the first year nobody
-- knows who won before.
judged as (
    select
        *,
        case
            when headcount is null or is_first_year then null
            when producing_reps + unassigned_wins < target_reps then 'widen_contacts'
            when producing_reps < target_reps then 'name_reps'
            when win_rate_t12m < reference_win_rate then 'raise_win_rate'
            when win_rate_t12m is null then null
            when median_deal < reference_median_deal then 'raise_deal_size'
            when median_deal >= reference_median_deal then 'cross_sell'
        end as lever,
        -- Engines differ in what greatest makes of a null.
        case when headcount is not null then greatest(target_reps - producing_reps, 0) end as headroom_reps,
        case when headcount is not null then greatest(target_reps - producing_reps - unassigned_wins, 0) end as headroom_reps_min
    from measured
),

levers as (
    select
        *,
        case headroom_basis
            when 'branch' then median_rep_amount
            when 'partner' then partner_rep_amount
            else company_rep_amount
        end as headroom_rep_amount
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
    {% for least in ['', '_min'] -%}
    cast(levers.headroom_reps{{ least }} as double) as headroom_reps{{ least }},
    {{ round_money(
        "cast(levers.headroom_reps" ~ least ~ " * " ~ var('headroom_ramp') ~ " as decimal(19, 4)) * "
        ~ round_money('levers.headroom_rep_amount')
    ) }} as headroom_amount{{ least }},
    {% endfor -%}
    case when levers.headcount is not null then levers.headroom_basis end as headroom_basis,
    levers.unassigned_wins,
    levers.unassigned_amount,
    levers.median_deal,
    levers.reference_median_deal,
    levers.win_rate_t12m_numerator,
    levers.win_rate_t12m_denominator,
    levers.win_rate_t12m,
    levers.reference_win_rate,
    levers.lever,
    {{ lever_reason('en') }} as lever_reason,
    {{ lever_reason('ja') }} as lever_reason_ja
from levers
