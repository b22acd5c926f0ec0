-- Industries whose share of partner inquiries exceeds their share of customers show where to recruit.
with halves as (
    {{ fiscal_periods('half') }}
),

-- Inquiries and customers without an industry stay visible.
inquiries as (
    select
        halves.first_month,
        coalesce(inquiries.industry, 'unknown') as industry,
        count(*) as inquiries,
        count(inquiries.became_partner_id) as became_partner,
        count(steps.contracted_on) as became_contracted,
        count(steps.first_win_on) as became_winning
    from {{ ref('int_inquiries') }} as inquiries
    left join {{ ref('int_partner_steps') }} as steps on inquiries.became_partner_id = steps.partner_id
    inner join halves on inquiries.received_on >= halves.first_month and inquiries.received_on < halves.next_month
    group by halves.first_month, coalesce(inquiries.industry, 'unknown')
),

customers as (
    select coalesce(industry, 'unknown') as industry, count(*) as customers
    from {{ ref('dim_customer') }}
    group by coalesce(industry, 'unknown')
),

industries as (
    select industry from inquiries
    union
    select industry from customers
),

counted as (
    select
        halves.first_month as period_start,
        halves.fiscal_year,
        halves.fiscal_half,
        halves.is_complete,
        industries.industry,
        coalesce(inquiries.inquiries, 0) as inquiries,
        coalesce(inquiries.became_partner, 0) as became_partner,
        coalesce(inquiries.became_contracted, 0) as became_contracted,
        coalesce(inquiries.became_winning, 0) as became_winning,
        coalesce(customers.customers, 0) as customers,
        -- Only those with an industry.
        sum(case when industries.industry != 'unknown' then coalesce(inquiries.inquiries, 0) else 0 end)
            over (partition by halves.first_month) as all_inquiries,
        sum(case when industries.industry != 'unknown' then coalesce(customers.customers, 0) else 0 end)
            over (partition by halves.first_month) as all_customers
    from halves
    cross join industries
    left join inquiries on halves.first_month = inquiries.first_month and industries.industry = inquiries.industry
    left join customers on industries.industry = customers.industry
),

expected as (
    select
        *,
        case
            when industry != 'unknown' then cast(all_inquiries as double) * customers / nullif(all_customers, 0)
        end as expected_inquiries
    from counted
)

select
    industry,
    period_start,
    fiscal_year,
    fiscal_half,
    is_complete,
    inquiries,
    cast(all_inquiries as bigint) as all_inquiries,
    customers,
    cast(all_customers as bigint) as all_customers,
    became_partner,
    became_contracted,
    became_winning,
    expected_inquiries,
    -- With less than one expected inquiry, a single inquiry would give a high index.
    case when all_inquiries >= {{ var('n_min') }} and expected_inquiries >= 1 then inquiries / expected_inquiries end
        as inquiry_index
from expected
