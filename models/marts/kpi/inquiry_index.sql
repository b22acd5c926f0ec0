-- In which industries companies ask to become partners more often than there are customers: where to recruit.
with halves as (
    select
        {{ fiscal_year('month') }} as fiscal_year,
        {{ fiscal_half('month') }} as fiscal_half,
        min(month) as period_start,
        {{ add_months('max(month)', 1) }} as period_end
    from {{ ref('int_months') }}
    group by {{ fiscal_year('month') }}, {{ fiscal_half('month') }}
),

-- An inquiry without an industry stays in view, and so does a customer.
inquiries as (
    select
        halves.period_start,
        coalesce(inquiries.industry, 'unknown') as industry,
        count(*) as inquiries,
        count(inquiries.became_partner_id) as became_partner
    from {{ ref('stg_inquiries') }} as inquiries
    inner join halves
        on
            {{ business_date('inquiries.received_at') }} >= halves.period_start
            and {{ business_date('inquiries.received_at') }} < halves.period_end
    where inquiries.kind in ('resale', 'referral', 'oem')
    group by halves.period_start, coalesce(inquiries.industry, 'unknown')
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
        halves.period_start,
        halves.fiscal_year,
        halves.fiscal_half,
        industries.industry,
        coalesce(inquiries.inquiries, 0) as inquiries,
        coalesce(inquiries.became_partner, 0) as became_partner,
        coalesce(customers.customers, 0) as customers,
        sum(coalesce(inquiries.inquiries, 0)) over (partition by halves.period_start) as all_inquiries,
        sum(coalesce(customers.customers, 0)) over (partition by halves.period_start) as all_customers
    from halves
    cross join industries
    left join inquiries on halves.period_start = inquiries.period_start and industries.industry = inquiries.industry
    left join customers on industries.industry = customers.industry
)

select
    industry,
    period_start,
    fiscal_year,
    fiscal_half,
    inquiries,
    cast(all_inquiries as bigint) as all_inquiries,
    customers,
    cast(all_customers as bigint) as all_customers,
    became_partner,
    case
        when all_inquiries >= {{ var('n_min') }} and customers > 0
            then (cast(inquiries as double) / all_inquiries) / (cast(customers as double) / all_customers)
    end as inquiry_index
from counted
