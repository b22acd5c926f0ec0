-- What a branch is like by its own report, one fact per row, each with its source and age.
with profiles as (
    select profiles.*, branches.current_partner_id as partner_id, today.as_of as today
    from {{ ref('int_profiles') }} as profiles
    inner join {{ ref('dim_branch') }} as branches on profiles.branch_id = branches.branch_id and not branches.is_sentinel
    cross join {{ ref('int_as_of') }} as today
    where profiles.as_of <= today.as_of
),

-- Products of ours that the list of focus products names by id or name.
ours as (
    select profiles.branch_id, profiles.as_of, count(*) as named
    from profiles
    cross join {{ ref('dim_product') }} as products
    where
        {{ listed_text('profiles.focus_products') }} like {{ dbt.concat(["'%;'", 'products.product_id', "';%'"]) }}
        or {{ listed_text('profiles.focus_products') }} like {{ dbt.concat(["'%;'", 'products.product_name', "';%'"]) }}
    group by profiles.branch_id, profiles.as_of
),

facts as (
    select branch_id, partner_id, as_of, valid_to, source, today, 'own_kpi' as fact, own_kpi as value
    from profiles
    union all
    select branch_id, partner_id, as_of, valid_to, source, today, 'evaluation_scheme' as fact, evaluation_scheme as value
    from profiles
    union all
    select branch_id, partner_id, as_of, valid_to, source, today, 'focus_products' as fact, focus_products as value
    from profiles
    union all
    select
        profiles.branch_id, profiles.partner_id, profiles.as_of, profiles.valid_to, profiles.source, profiles.today,
        'our_focus_products' as fact,
        case when profiles.focus_products is not null then cast(coalesce(ours.named, 0) as string) end as value
    from profiles
    left join ours on profiles.branch_id = ours.branch_id and profiles.as_of = ours.as_of
    union all
    select branch_id, partner_id, as_of, valid_to, source, today, 'product_rank' as fact, cast(product_rank as string) as value
    from profiles
    union all
    select branch_id, partner_id, as_of, valid_to, source, today, 'products_carried' as fact, cast(products_carried as string) as value
    from profiles
    union all
    select branch_id, partner_id, as_of, valid_to, source, today, 'competitor_products' as fact, competitor_products as value
    from profiles
    union all
    select branch_id, partner_id, as_of, valid_to, source, today, 'sales_headcount' as fact, cast(sales_headcount as string) as value
    from profiles
    union all
    select branch_id, partner_id, as_of, valid_to, source, today, 'customer_count' as fact, cast(customer_count as string) as value
    from profiles
),

head_offices as (
    select facts.partner_id, facts.as_of, facts.fact, min(facts.value) as value
    from facts
    inner join {{ ref('dim_branch') }} as branches on facts.branch_id = branches.branch_id and branches.is_head_office
    group by facts.partner_id, facts.as_of, facts.fact
)

select
    facts.branch_id,
    facts.partner_id,
    facts.fact,
    facts.as_of as reported_on,
    facts.value as reported_value,
    facts.source,
    cast({{ days_between('facts.as_of', 'facts.today') }} as bigint) as reported_days,
    facts.today < facts.valid_to as is_current,
    {{ fiscal_year('facts.as_of') }} = {{ fiscal_year('facts.today') }} as is_of_this_year,
    -- A value that is the head office's word for word may be a copy.
    coalesce(head_offices.value = facts.value and not branches.is_head_office, false) as is_as_head_office
from facts
inner join {{ ref('dim_branch') }} as branches on facts.branch_id = branches.branch_id
left join head_offices
    on facts.partner_id = head_offices.partner_id and facts.as_of = head_offices.as_of and facts.fact = head_offices.fact
where facts.value is not null
