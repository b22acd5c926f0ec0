-- What a branch would win more in twelve months if it won as much per salesperson as the best quarter of comparable
-- branches, and how many more of its people would have to win for that. Both sides of the comparison are estimates of
-- int_wins_per_head, so that a branch without luck in one year has no headroom for that alone. A surplus of one branch does not
-- fill the gap of another: the headroom of a larger entity is the sum over its branches.
with scopes as (
    select scope_key, scope, entity_id, partner_id from {{ ref('int_scopes') }} where organisation = 'as_is'
),

company as (
    select scope_key from scopes where scope = 'company'
),

partners as (
    select scope_key, entity_id as partner_id from scopes where scope = 'partner'
),

branches as (
    select heads.*, partners.scope_key as partner_key, company.scope_key as company_key
    from {{ ref('int_wins_per_head') }} as heads
    inner join scopes on heads.scope_key = scopes.scope_key
    cross join company
    left join partners on scopes.partner_id = partners.partner_id
),

-- Of the wins of all branches, because direct sales have no salesperson of a partner.
shares as (
    select producers.month, cast(sum(producers.named_wins) as double) / sum(producers.wins) as named_share
    from {{ ref('int_producers') }} as producers
    inner join scopes on producers.scope_key = scopes.scope_key
    where scopes.scope = 'branch'
    group by producers.month
),

-- A producer is one who is still there. Fewer than headroom_min_reps of them give no reliable median.
based as (
    select
        branches.*,
        benchmarks.benchmark,
        coalesce(own.present_reps, 0) as present_reps,
        case
            when own.present_reps >= {{ var('headroom_min_reps') }} then 'branch'
            when of_partner.present_reps >= {{ var('headroom_min_reps') }} then 'partner'
            when of_all.present_reps > 0 then 'company'
        end as headroom_basis,
        cast(own.present_rep_wins as double) as own_wins,
        cast(of_partner.present_rep_wins as double) as partner_wins,
        cast(of_all.present_rep_wins as double) as company_wins,
        cast(own.named_wins as double) / own.wins as own_share,
        cast(of_partner.named_wins as double) / of_partner.wins as partner_share,
        shares.named_share as company_share,
        {{ round_double('own.present_win_amount') }} as own_amount,
        {{ round_double('of_partner.present_win_amount') }} as partner_amount,
        {{ round_double('of_all.present_win_amount') }} as company_amount
    from branches
    inner join {{ ref('int_benchmarks') }} as benchmarks
        on
            branches.scope_key = benchmarks.scope_key and branches.month = benchmarks.month
            and benchmarks.rate_name = 'wins_per_head'
    left join {{ ref('int_producers') }} as own on branches.scope_key = own.scope_key and branches.month = own.month
    left join {{ ref('int_producers') }} as of_partner
        on branches.partner_key = of_partner.scope_key and branches.month = of_partner.month
    left join {{ ref('int_producers') }} as of_all
        on branches.company_key = of_all.scope_key and branches.month = of_all.month
    left join shares on branches.month = shares.month
),

measured as (
    select
        *,
        case headroom_basis when 'branch' then own_wins when 'partner' then partner_wins when 'company' then company_wins end
            as rep_wins,
        case headroom_basis when 'branch' then own_share when 'partner' then partner_share when 'company' then company_share end
            as named_share,
        case headroom_basis when 'branch' then own_amount when 'partner' then partner_amount when 'company' then company_amount end
            as win_amount,
        headcount * greatest(benchmark - estimate, 0) as headroom_wins,
        headcount * case when interval_high < benchmark then benchmark - interval_high else cast(0 as double) end as sure_wins,
        greatest(headcount - present_reps, 0) as people_left
    from based
),

counted as (
    select
        *,
        least(coalesce(headroom_wins / rep_wins, cast(0 as double)), cast(people_left as double)) as headroom_reps,
        least(coalesce(sure_wins / rep_wins, cast(0 as double)), cast(people_left as double)) as sure_reps
    from measured
),

priced as (
    select
        scope_key,
        month,
        headroom_basis,
        {{ exact('headroom_wins') }} as headroom_wins,
        {{ exact('headroom_reps') }} as headroom_reps,
        -- If the wins without a salesperson were of the known producers, each of them would win more, and fewer new ones would do.
        {{ exact('headroom_reps * coalesce(named_share, cast(1 as double))') }} as headroom_reps_min,
        {{ round_money('cast(headroom_reps * rep_wins as decimal(19, 6)) * win_amount') }} as headroom_amount,
        {{ round_money('cast(sure_reps * rep_wins as decimal(19, 6)) * win_amount') }} as headroom_amount_min
    from counted
),

places as (
    select distinct own.scope_key as branch_key, larger.scope, larger.scope_key
    from {{ ref('int_scope_bridge') }} as own
    inner join {{ ref('int_scope_bridge') }} as larger
        on own.branch_version_id = larger.branch_version_id and own.organisation = larger.organisation
    where own.organisation = 'as_is' and own.scope = 'branch'
)

select
    places.scope_key,
    priced.month,
    min(case when places.scope = 'branch' then priced.headroom_basis end) as headroom_basis,
    cast(sum(priced.headroom_wins) as double) as headroom_wins,
    cast(sum(priced.headroom_reps) as double) as headroom_reps,
    cast(sum(priced.headroom_reps_min) as double) as headroom_reps_min,
    cast(coalesce(sum(priced.headroom_amount), 0) as {{ money_type() }}) as headroom_amount,
    cast(coalesce(sum(priced.headroom_amount_min), 0) as {{ money_type() }}) as headroom_amount_min
from priced
inner join places on priced.scope_key = places.branch_key
group by places.scope_key, priced.month
