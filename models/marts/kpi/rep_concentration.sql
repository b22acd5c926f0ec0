-- The salespeople who win an entity's money, on today's organisation: how many they are, how evenly the money is
-- distributed, and the lever that follows. Window: the twelve months to date.
with scopes as (
    select * from {{ ref('int_scopes') }} where organisation = 'as_is' and not is_special
),

company as (
    select scope_key from scopes where scope = 'company'
),

partners as (
    select scope_key, entity_id as partner_id from scopes where scope = 'partner'
),

unassigned as (
    select scope_key, month, deals_won, won_amount from {{ ref('int_rep_years') }} where rep_id = 'NONE'
),

months as (
    select
        scopes.*,
        partners.scope_key as partner_key,
        company.scope_key as company_key,
        months.month,
        calendar.month_end,
        months.is_complete,
        months.has_twelve_months,
        calendar.is_first_year,
        months.headcount,
        months.is_headcount_inherited,
        months.rep_penetration
    from {{ ref('int_monthly') }} as months
    inner join scopes on months.scope_key = scopes.scope_key
    inner join {{ ref('int_months') }} as calendar on months.month = calendar.month
    cross join company
    left join partners on scopes.partner_id = partners.partner_id
),

measured as (
    select
        months.*,
        coalesce(own.producing_reps, 0) as producing_reps,
        cast(coalesce(own.won_amount, 0) as {{ money_type() }}) as reps_won_amount,
        case when own.won_amount > 0 then own.squares / power(cast(own.won_amount as double), 2) end as rep_hhi,
        case when own.won_amount > 0 then cast(own.top_rep_amount as double) / cast(own.won_amount as double) end as top_rep_share,
        {{ round_money('own.median_rep_amount') }} as median_rep_amount,
        cast(coalesce(unassigned.deals_won, 0) as bigint) as unassigned_wins,
        cast(coalesce(unassigned.won_amount, 0) as {{ money_type() }}) as unassigned_amount,
        case
            -- A median of one or two producing reps is not reliable.
            when own.producing_reps >= {{ var('headroom_min_reps') }} then months.scope
            when of_partner.producing_reps >= {{ var('headroom_min_reps') }} then 'partner'
            when of_all.producing_reps > 0 then 'company'
        end as headroom_basis,
        {{ round_money('of_partner.median_rep_amount') }} as partner_rep_amount,
        {{ round_money('of_all.median_rep_amount') }} as company_rep_amount,
        deals.median_deal,
        usual.median_deal as reference_median_deal,
        deals.win_rate_t12m_numerator,
        deals.win_rate_t12m_denominator,
        deals.win_rate_t12m,
        usual.win_rate_t12m as reference_win_rate,
        {{ var('target_penetration') }} * months.headcount as target_reps
    from months
    left join {{ ref('int_performance') }} as deals on months.scope_key = deals.scope_key and months.month = deals.month
    left join {{ ref('int_performance') }} as usual on months.company_key = usual.scope_key and months.month = usual.month
    left join unassigned on months.scope_key = unassigned.scope_key and months.month = unassigned.month
    left join {{ ref('int_producers') }} as own on months.scope_key = own.scope_key and months.month = own.month
    left join {{ ref('int_producers') }} as of_partner
        on months.partner_key = of_partner.scope_key and months.month = of_partner.month
    left join {{ ref('int_producers') }} as of_all on months.company_key = of_all.scope_key and months.month = of_all.month
),

-- The lever is the first value below its reference. Each win without a salesperson may belong to one more rep. In the
-- first year of the data, the winners of the year before are unknown, so there is no lever. A closed branch has no
-- lever.
judged as (
    select
        *,
        case
            when scope != 'branch' or closed_on <= month_end or headcount is null or is_first_year then null
            when producing_reps + unassigned_wins < target_reps then 'widen_contacts'
            when producing_reps < target_reps then 'name_reps'
            when win_rate_t12m < reference_win_rate then 'raise_win_rate'
            when win_rate_t12m is null then null
            when median_deal < reference_median_deal then 'raise_deal_size'
            when median_deal >= reference_median_deal then 'cross_sell'
        end as lever,
        -- Engines differ in the result of greatest with a null.
        case when headcount is not null then greatest(target_reps - producing_reps, 0) end as headroom_reps,
        case when headcount is not null then greatest(target_reps - producing_reps - unassigned_wins, 0) end as headroom_reps_min,
        case headroom_basis
            when 'partner' then partner_rep_amount
            when 'company' then company_rep_amount
            else median_rep_amount
        end as headroom_rep_amount
    from measured
),

branches as (
    select
        division_id,
        partner_id,
        month,
        headroom_reps,
        headroom_reps_min,
        {{ round_money(
            "cast(headroom_reps * " ~ var('headroom_ramp') ~ " as decimal(19, 4)) * " ~ round_money('headroom_rep_amount')
        ) }} as headroom_amount,
        {{ round_money(
            "cast(headroom_reps_min * " ~ var('headroom_ramp') ~ " as decimal(19, 4)) * " ~ round_money('headroom_rep_amount')
        ) }} as headroom_amount_min,
        entity_id as branch_id
    from judged
    where scope = 'branch'
),

-- A surplus of one branch does not fill the gap of another: the headroom of a larger scope is the sum over its
-- branches.
headroom as (
    select 'branch' as scope, branch_id as entity_id, month, headroom_reps, headroom_reps_min, headroom_amount, headroom_amount_min
    from branches
    union all
    select 'division', division_id, month, sum(headroom_reps), sum(headroom_reps_min), sum(headroom_amount), sum(headroom_amount_min)
    from branches
    group by division_id, month
    union all
    select 'partner', partner_id, month, sum(headroom_reps), sum(headroom_reps_min), sum(headroom_amount), sum(headroom_amount_min)
    from branches
    group by partner_id, month
    union all
    select 'company', 'ALL', month, sum(headroom_reps), sum(headroom_reps_min), sum(headroom_amount), sum(headroom_amount_min)
    from branches
    group by month
),

levers as (
    select
        judged.scope, judged.entity_id, judged.partner_id, judged.month, judged.is_complete, judged.has_twelve_months,
        judged.producing_reps, judged.headcount, judged.is_headcount_inherited, judged.rep_penetration, judged.reps_won_amount,
        judged.rep_hhi, judged.top_rep_share, judged.median_rep_amount, judged.headroom_basis, judged.unassigned_wins,
        judged.unassigned_amount, judged.median_deal, judged.reference_median_deal, judged.win_rate_t12m_numerator,
        judged.win_rate_t12m_denominator, judged.win_rate_t12m, judged.reference_win_rate, judged.lever,
        headroom.headroom_reps, headroom.headroom_amount, headroom.headroom_reps_min, headroom.headroom_amount_min
    from judged
    left join headroom
        on judged.scope = headroom.scope and judged.entity_id = headroom.entity_id and judged.month = headroom.month
)

select
    levers.scope,
    levers.entity_id,
    case when levers.scope = 'branch' then levers.entity_id end as branch_id,
    levers.partner_id,
    levers.month,
    {{ fiscal_year('levers.month') }} as fiscal_year,
    {{ fiscal_half('levers.month') }} as fiscal_half,
    {{ fiscal_quarter('levers.month') }} as fiscal_quarter,
    levers.is_complete,
    levers.has_twelve_months,
    cast(levers.producing_reps as bigint) as producing_reps,
    levers.headcount,
    levers.is_headcount_inherited,
    levers.rep_penetration,
    levers.reps_won_amount,
    levers.rep_hhi,
    1 / levers.rep_hhi as effective_reps,
    levers.top_rep_share,
    levers.median_rep_amount,
    cast(levers.headroom_reps as double) as headroom_reps,
    cast(levers.headroom_amount as {{ money_type() }}) as headroom_amount,
    cast(levers.headroom_reps_min as double) as headroom_reps_min,
    cast(levers.headroom_amount_min as {{ money_type() }}) as headroom_amount_min,
    case when levers.scope = 'branch' and levers.headcount is not null then levers.headroom_basis end as headroom_basis,
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
