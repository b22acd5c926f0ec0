-- Size and activity of the partner network at the end of a month. Companies and branches are counted separately,
-- because "partners" can mean either.
with month_ends as (
    select month, month_end, is_complete from {{ ref('int_months') }}
),

partners as (
    select
        coalesce(dim_partner.corporate_number, dim_partner.partner_id) as company_id,
        contracts.started_on,
        contracts.ended_on
    from {{ ref('int_contracts') }} as contracts
    inner join {{ ref('dim_partner') }} as dim_partner
        on contracts.entity_type = 'partner' and contracts.entity_id = dim_partner.partner_id
),

branches as (
    select entity_id as branch_id, started_on, ended_on from {{ ref('int_contracts') }} where entity_type = 'branch'
),

contracted_partners as (
    select
        ends.month,
        count(distinct partners.company_id) as partners_contracted,
        count(distinct case when partners.started_on >= ends.month then partners.company_id end) as partners_signed
    from month_ends as ends
    inner join partners
        on {{ is_within('ends.month_end', 'partners.started_on', 'partners.ended_on') }}
    group by ends.month
),

contracted_branches as (
    select ends.month, count(*) as branches_contracted
    from month_ends as ends
    inner join branches on {{ is_within('ends.month_end', 'branches.started_on', 'branches.ended_on') }}
    group by ends.month
),

-- A branch has a row for every month, so preceding rows are preceding months.
new_deals as (
    select
        months.month,
        scopes.closed_on,
        sum(months.deals_new) over (
            partition by months.scope_key order by months.month
            rows between {{ var('active_window_months') - 1 }} preceding and current row
        ) as deals_of_window,
        sum(months.deals_new) over (
            partition by months.scope_key order by months.month
            rows between unbounded preceding and current row
        ) as deals_ever
    from {{ ref('int_monthly') }} as months
    inner join {{ ref('int_scopes') }} as scopes on months.scope_key = scopes.scope_key
    where scopes.organisation = 'as_was' and scopes.scope = 'branch' and not scopes.is_special
),

activity as (
    select
        ends.month,
        sum(case when new_deals.deals_of_window > 0 then 1 else 0 end) as branches_active,
        sum(case when new_deals.deals_ever > 0 and new_deals.deals_of_window = 0 then 1 else 0 end) as branches_dormant
    from month_ends as ends
    inner join new_deals on ends.month = new_deals.month and ends.month_end < new_deals.closed_on
    group by ends.month
),

first_results as (
    select branch_id, min(open_on) as first_deal_on, min(won_on) as first_win_on
    from {{ ref('int_deal_milestones') }}
    group by branch_id
),

-- Branches whose first contract began in the twelve months that ended activation_days ago. So the youngest of them have
-- had that time for a first deal. A branch without a deal by the end of the month may still have one later, so it
-- counts as the longest. Deals before the data began are unknown, so branches with a contract by then are left out.
first_contracts as (
    select branches.branch_id, min(branches.started_on) as started_on
    from branches
    group by branches.branch_id
    having min(branches.started_on) >= (select min(month) from month_ends)
),

cohorts as (
    select
        ends.month,
        case
            when first_results.first_deal_on <= ends.month_end
                then greatest({{ days_between('first_contracts.started_on', 'first_results.first_deal_on') }}, 0)
        end as days_to_deal,
        case
            when first_results.first_win_on <= ends.month_end
                then greatest({{ days_between('first_contracts.started_on', 'first_results.first_win_on') }}, 0)
        end as days_to_win
    from month_ends as ends
    inner join first_contracts
        on
            first_contracts.started_on > {{ add_days(add_months('ends.month_end', -12), -var('activation_days')) }}
            and first_contracts.started_on <= {{ add_days('ends.month_end', -var('activation_days')) }}
    left join first_results on first_contracts.branch_id = first_results.branch_id
),

activation as (
    select
        month,
        count(*) as branches_observed,
        sum(case when days_to_deal <= {{ var('activation_days') }} then 1 else 0 end) as branches_activated,
        {{ median('coalesce(days_to_deal, ' ~ not_yet() ~ ')') }} as days_to_deal,
        {{ median('coalesce(days_to_win, ' ~ not_yet() ~ ')') }} as days_to_win
    from cohorts
    group by month
)

select
    ends.month,
    {{ fiscal_year('ends.month') }} as fiscal_year,
    {{ fiscal_half('ends.month') }} as fiscal_half,
    {{ fiscal_quarter('ends.month') }} as fiscal_quarter,
    ends.is_complete,
    coalesce(contracted_partners.partners_contracted, 0) as partners_contracted,
    coalesce(contracted_partners.partners_signed, 0) as partners_signed,
    coalesce(contracted_branches.branches_contracted, 0) as branches_contracted,
    cast(coalesce(activity.branches_active, 0) as bigint) as branches_active,
    cast(coalesce(activity.branches_dormant, 0) as bigint) as dormant_units,
    {{ rate('activity.branches_dormant', '(activity.branches_active + activity.branches_dormant)') }} as dormancy_rate,
    cast(coalesce(activation.branches_activated, 0) as bigint) as activation_rate_numerator,
    cast(coalesce(activation.branches_observed, 0) as bigint) as activation_rate_denominator,
    {{ rate('activation.branches_activated', 'activation.branches_observed', var('n_min')) }} as activation_rate,
    -- Where fewer than half have a deal so far, the median has not been reached.
    cast(
        case
            when activation.branches_observed >= {{ var('n_min') }} and 2 * activation.days_to_deal < {{ not_yet() }}
                then activation.days_to_deal
        end as double
    ) as ttfd,
    cast(
        case
            when activation.branches_observed >= {{ var('n_min') }} and 2 * activation.days_to_win < {{ not_yet() }}
                then activation.days_to_win
        end as double
    ) as ttfw
from month_ends as ends
left join contracted_partners on ends.month = contracted_partners.month
left join contracted_branches on ends.month = contracted_branches.month
left join activity on ends.month = activity.month
left join activation on ends.month = activation.month
