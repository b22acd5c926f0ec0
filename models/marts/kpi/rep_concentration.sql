-- The salespeople who win an entity's money, on today's organisation: how many they are, how evenly the money is
-- distributed, and what more they could win. Window: the twelve months to date. A lever is advice of today: only the last
-- complete month has one.
with scopes as (
    select * from {{ ref('int_scopes') }} where organisation = 'as_is' and not is_special
),

-- One row.
company as (
    select max(scope_key) as scope_key from scopes where scope = 'company'
),

unassigned as (
    select scope_key, month, deals_won, won_amount from {{ ref('int_rep_years') }} where rep_id = 'NONE'
),

months as (
    select
        scopes.*,
        company.scope_key as company_key,
        months.month,
        months.is_complete,
        months.has_twelve_months,
        months.headcount,
        months.is_headcount_inherited,
        months.rep_penetration
    from {{ ref('int_monthly') }} as months
    inner join scopes on months.scope_key = scopes.scope_key
    cross join company
),

measured as (
    select
        months.*,
        coalesce(own.producing_reps, 0) as producing_reps,
        coalesce(own.present_reps, 0) as present_reps,
        cast(coalesce(own.won_amount, 0) as {{ money_type() }}) as reps_won_amount,
        case when own.won_amount > 0 then own.squares / power(cast(own.won_amount as double), 2) end as rep_hhi,
        case when own.won_amount > 0 then cast(own.top_rep_amount as double) / cast(own.won_amount as double) end as top_rep_share,
        own.median_rep_amount,
        cast(coalesce(unassigned.deals_won, 0) as bigint) as unassigned_wins,
        cast(coalesce(unassigned.won_amount, 0) as {{ money_type() }}) as unassigned_amount,
        headroom.headroom_reps,
        headroom.headroom_reps_min,
        headroom.headroom_amount,
        headroom.headroom_amount_min,
        headroom.headroom_basis,
        deals.median_deal,
        usual.median_deal as reference_median_deal,
        deals.win_rate_t12m_numerator,
        deals.win_rate_t12m_denominator,
        deals.win_rate_t12m,
        usual.win_rate_t12m as reference_win_rate
    from months
    left join {{ ref('int_performance') }} as deals on months.scope_key = deals.scope_key and months.month = deals.month
    left join {{ ref('int_performance') }} as usual on months.company_key = usual.scope_key and months.month = usual.month
    left join unassigned on months.scope_key = unassigned.scope_key and months.month = unassigned.month
    left join {{ ref('int_producers') }} as own on months.scope_key = own.scope_key and months.month = own.month
    left join {{ ref('int_headrooms') }} as headroom on months.scope_key = headroom.scope_key and months.month = headroom.month
)

select
    reps.scope,
    reps.entity_id,
    case when reps.scope = 'branch' then reps.entity_id end as branch_id,
    reps.partner_id,
    reps.month,
    {{ fiscal_year('reps.month') }} as fiscal_year,
    {{ fiscal_half('reps.month') }} as fiscal_half,
    {{ fiscal_quarter('reps.month') }} as fiscal_quarter,
    reps.is_complete,
    reps.has_twelve_months,
    cast(reps.producing_reps as bigint) as producing_reps,
    cast(reps.present_reps as bigint) as present_reps,
    reps.headcount,
    reps.is_headcount_inherited,
    reps.rep_penetration,
    reps.reps_won_amount,
    reps.rep_hhi,
    1 / reps.rep_hhi as effective_reps,
    reps.top_rep_share,
    reps.median_rep_amount,
    reps.headroom_reps,
    reps.headroom_amount,
    reps.headroom_reps_min,
    reps.headroom_amount_min,
    reps.headroom_basis,
    reps.unassigned_wins,
    reps.unassigned_amount,
    reps.median_deal,
    reps.reference_median_deal,
    reps.win_rate_t12m_numerator,
    reps.win_rate_t12m_denominator,
    reps.win_rate_t12m,
    reps.reference_win_rate,
    levers.lever,
    levers.evidence as lever_evidence,
    levers.estimate as lever_rate,
    levers.benchmark as lever_benchmark,
    levers.peers as lever_peers,
    levers.peer_basis as lever_peer_basis,
    {{ lever_reason('en') }} as lever_reason,
    {{ lever_reason('ja') }} as lever_reason_ja
from measured as reps
left join {{ ref('int_levers') }} as levers on reps.scope_key = levers.scope_key and reps.month = levers.month
