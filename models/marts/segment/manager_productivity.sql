-- What the branches of each account manager won, by the manager of the day, by fiscal quarter. Of several managers of a branch the
-- one who was assigned last is credited; money of branches without one is that of NONE, so that the rows add up to the partners'.
with quarters as (
    {{ fiscal_periods('quarter') }}
),

events as (
    select event_id, deal_id, branch_id, recognized_on, recognized_month, amount
    from {{ ref('fct_revenue') }}
    where is_counted and channel_class = 'indirect'
),

credited as (
    select
        events.amount,
        events.recognized_month,
        events.branch_id,
        coalesce(managers.staff_id, 'NONE') as staff_id,
        row_number() over (
            partition by events.deal_id, events.event_id
            order by managers.valid_from desc nulls last, managers.staff_id nulls last
        ) as manager_rank
    from events
    left join {{ ref('dim_account_manager') }} as managers
        on
            events.branch_id = managers.branch_id
            and {{ is_within('events.recognized_on', 'managers.valid_from', 'managers.valid_to') }}
),

won as (
    select
        credited.staff_id, quarters.first_month, cast(sum(credited.amount) as {{ money_type() }}) as won_amount,
        count(distinct credited.branch_id) as branches_won
    from credited
    inner join quarters on credited.recognized_month >= quarters.first_month and credited.recognized_month < quarters.next_month
    where credited.manager_rank = 1
    group by credited.staff_id, quarters.first_month
),

-- Each month in which the person covered a branch at the end.
covered as (
    select managers.staff_id, months.month, count(distinct managers.branch_id) as branches
    from {{ ref('int_months') }} as months
    inner join {{ ref('dim_account_manager') }} as managers
        on {{ is_within('months.month_end', 'managers.valid_from', 'managers.valid_to') }}
    group by managers.staff_id, months.month
),

worked as (
    select
        covered.staff_id,
        quarters.first_month,
        max(case when covered.month = quarters.last_month then covered.branches end) as branches_covered,
        sum(least(
            cast(1 as double),
            coalesce(cast(staff.monthly_hours as double), {{ var('full_time_hours') }}) / {{ var('full_time_hours') }}
        )) as fte_months
    from covered
    inner join quarters on covered.month >= quarters.first_month and covered.month < quarters.next_month
    left join {{ ref('dim_staff') }} as staff on covered.staff_id = staff.staff_id
    group by covered.staff_id, quarters.first_month
),

spent as (
    select activities.staff_id, quarters.first_month, cast(sum(activities.duration_minutes) as double) / 60 as support_hours
    from {{ ref('fct_activities') }} as activities
    inner join quarters on activities.occurred_month >= quarters.first_month and activities.occurred_month < quarters.next_month
    where activities.status = 'held' and activities.staff_id is not null and activities.partner_id not in ('DIRECT', 'UNRESOLVED')
    group by activities.staff_id, quarters.first_month
),

keys as (
    select staff_id, first_month from won
    union
    select staff_id, first_month from worked
)

select
    keys.staff_id,
    staff.staff_name,
    staff.mission,
    quarters.fiscal_year,
    quarters.fiscal_quarter,
    keys.first_month as period_start,
    quarters.is_complete,
    cast(coalesce(worked.branches_covered, 0) as bigint) as branches_covered,
    cast(coalesce(won.branches_won, 0) as bigint) as covered_branches_won,
    coalesce(worked.fte_months, cast(0 as double)) as fte_months,
    coalesce(spent.support_hours, cast(0 as double)) as manager_hours,
    cast(coalesce(won.won_amount, 0) as {{ money_type() }}) as covered_won_amount,
    case
        when worked.fte_months > 0 then {{ round_money('cast(coalesce(won.won_amount, 0) as double) / worked.fte_months') }}
    end as productivity
from keys
inner join quarters on keys.first_month = quarters.first_month
left join {{ ref('dim_staff') }} as staff on keys.staff_id = staff.staff_id
left join won on keys.staff_id = won.staff_id and keys.first_month = won.first_month
left join worked on keys.staff_id = worked.staff_id and keys.first_month = worked.first_month
left join spent on keys.staff_id = spent.staff_id and keys.first_month = spent.first_month
