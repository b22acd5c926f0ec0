-- What a salesperson has done so far: contacts, deals brought (as the originator, or as the one who is credited) and wins.
with contacts as (
    select
        rep_id,
        max(case when is_two_way_touch then occurred_on end) as last_contact_on,
        max(occurred_on) as last_touch_on
    from {{ ref('fct_attendance') }}
    where
        rep_id is not null and (is_two_way_touch or is_live_touch)
        and occurred_on <= (select as_of from {{ ref('int_as_of') }})
    group by rep_id
),

brought as (
    select milestones.rep_id, milestones.deal_id, milestones.open_on
    from {{ ref('int_deal_milestones') }} as milestones
    union
    select deals.originating_rep_id, milestones.deal_id, milestones.open_on
    from {{ ref('int_deal_milestones') }} as milestones
    inner join {{ ref('fct_deals') }} as deals on milestones.deal_id = deals.deal_id
),

deals as (
    select rep_id, count(*) as deals_brought, min(open_on) as first_deal_on, max(open_on) as last_deal_on
    from brought
    group by rep_id
),

wins as (
    select
        rep_id,
        sum(case when is_won then 1 else 0 end) as sold_deals,
        cast(sum(amount) as {{ money_type() }}) as sold_amount,
        max(case when is_won then month end) as last_won_month
    from {{ ref('int_won_months') }}
    group by rep_id
),

products as (
    select rep_id, {{ joined_texts('product_name', "', '", 'product_name') }} as sold_products
    from (
        select distinct won.rep_id, products.product_name
        from {{ ref('int_won_months') }} as won
        inner join {{ ref('fct_deals') }} as deals on won.deal_id = deals.deal_id
        inner join {{ ref('dim_product') }} as products on deals.product_id = products.product_id
        where won.is_won
    ) as sold
    group by rep_id
)

select
    reps.rep_id,
    contacts.last_contact_on,
    contacts.last_touch_on,
    deals.deals_brought,
    deals.first_deal_on,
    deals.last_deal_on,
    wins.sold_deals,
    wins.sold_amount,
    wins.last_won_month,
    products.sold_products
from {{ ref('dim_rep') }} as reps
left join contacts on reps.rep_id = contacts.rep_id
left join deals on reps.rep_id = deals.rep_id
left join wins on reps.rep_id = wins.rep_id
left join products on reps.rep_id = products.rep_id
where not reps.is_sentinel
