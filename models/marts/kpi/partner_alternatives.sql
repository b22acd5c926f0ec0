-- Direct deals that are open or were lost, and partners' lost deals, each with up to three other branches that might have helped.
-- These are open today, have the customer's prefecture in their territory, and have won in the customer's industry.
with today as (
    select as_of, {{ add_months('as_of', -12) }} as year_ago from {{ ref('int_as_of') }}
),

customers as (
    select customer_id, prefecture, industry
    from {{ ref('dim_customer') }}
    where prefecture is not null and industry is not null
),

deals as (
    select
        deals.deal_id, deals.deal_name, deals.customer_id, customers.prefecture, customers.industry, deals.channel_class, deals.status,
        deals.branch_id_current, deals.closed_on, deals.amount
    from {{ ref('fct_deals') }} as deals
    inner join customers on deals.customer_id = customers.customer_id
    cross join today
    where
        deals.is_counted
        and (
            (deals.status = 'open' and deals.channel_class = 'direct')
            or (deals.status = 'lost' and deals.closed_on > today.year_ago)
        )
),

records as (
    select
        deals.branch_id_current as branch_id,
        customers.industry,
        sum(case when deals.status = 'won' then 1 else 0 end) as wins_in_industry,
        count(*) as closed_in_industry,
        max(case when deals.status = 'won' then deals.won_on end) as last_win_on
    from {{ ref('fct_deals') }} as deals
    inner join customers on deals.customer_id = customers.customer_id
    where deals.is_counted and deals.channel_class = 'indirect' and deals.status != 'open'
    group by deals.branch_id_current, customers.industry
),

places as (
    select distinct territories.branch_id, territories.prefecture
    from {{ ref('int_territories') }} as territories
    cross join today
    where {{ is_within('today.as_of', 'territories.valid_from', 'territories.valid_to') }}
),

-- Four of each, because one may be the branch that lost the deal.
candidates as (
    select *
    from (
        select
            places.prefecture,
            records.*,
            branches.current_division_id as division_id,
            branches.current_partner_id as partner_id,
            row_number() over (
                partition by places.prefecture, records.industry
                order by records.wins_in_industry desc nulls last, records.last_win_on desc nulls last, records.branch_id
            ) as place_rank
        from places
        inner join records on places.branch_id = records.branch_id
        inner join {{ ref('dim_branch') }} as branches on places.branch_id = branches.branch_id and not branches.is_sentinel
        cross join today
        where
            records.wins_in_industry > 0
            and coalesce(branches.closed_on, {{ for_ever() }}) > today.as_of
            and coalesce(branches.contract_ended_on, {{ for_ever() }}) > today.as_of
    ) as ranked
    where place_rank <= 4
),

matched as (
    select
        deals.*,
        candidates.branch_id,
        candidates.division_id,
        candidates.partner_id,
        candidates.wins_in_industry,
        candidates.closed_in_industry,
        candidates.last_win_on,
        row_number() over (partition by deals.deal_id order by candidates.place_rank nulls last) as alternative_rank
    from deals
    inner join candidates on deals.prefecture = candidates.prefecture and deals.industry = candidates.industry
    where deals.branch_id_current != candidates.branch_id
)

select
    matched.deal_id,
    cast(matched.alternative_rank as integer) as alternative_rank,
    matched.deal_name,
    matched.customer_id,
    matched.prefecture,
    matched.industry,
    matched.channel_class,
    matched.status,
    matched.branch_id_current as credited_branch_id,
    matched.closed_on,
    matched.amount,
    matched.branch_id,
    matched.division_id,
    matched.partner_id,
    managers.account_manager_id,
    managers.account_manager_name,
    cast(matched.wins_in_industry as bigint) as wins_in_industry,
    cast(matched.closed_in_industry as bigint) as closed_in_industry,
    matched.last_win_on
from matched
left join {{ ref('int_branch_managers') }} as managers on matched.branch_id = managers.branch_id
where matched.alternative_rank <= 3
