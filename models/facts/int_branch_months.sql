{{ config(schema='intermediate') }}

-- Branch and month, dense: from the branch's opening or first deal to today, whether or not anything happened.
with first_deals as (
    select branch_id, min(month) as first_month
    from (
        select branch_id, min(entered_month) as month from {{ ref('fct_stage_entries') }} group by branch_id
        union all
        select branch_id, min(recognized_month) as month from {{ ref('fct_revenue') }} group by branch_id
        union all
        select branch_id, min(month) as month from {{ ref('int_referrals') }} group by branch_id
        union all
        select branch_id, min(occurred_month) as month from {{ ref('fct_activities') }} group by branch_id
    ) as firsts
    group by branch_id
),

starts as (
    select
        branches.branch_id,
        branches.partner_id,
        {{ earliest(['first_deals.first_month', month_of('branches.opened_on')]) }} as first_month,
        branches.is_sentinel
    from {{ ref('dim_branch') }} as branches
    left join first_deals on branches.branch_id = first_deals.branch_id
)

select starts.branch_id, starts.partner_id, months.month
from starts
inner join {{ ref('int_months') }} as months
    on
        months.month >= starts.first_month
        -- A real branch without an opening date and without a deal has been there all the time.
        or (starts.first_month is null and not starts.is_sentinel)
