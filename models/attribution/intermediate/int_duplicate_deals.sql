-- Deals that do not count, because another partner's registration for the same customer and product was approved first. In
-- the order of approval, each deal is compared with the last one that counts. So a deal that does not count displaces no
-- later one.
with recursive registrations as (
    select
        signals.deal_id,
        signals.acting_partner_id,
        signals.decided_at,
        signals.credit_on,
        coalesce(registered.customer_id, deals.customer_id) as customer_id,
        coalesce(registered.product_id, deals.product_id) as product_id,
        row_number() over (partition by signals.deal_id order by signals.decided_at nulls last, signals.registration_id) as approval_rank
    from {{ ref('int_deal_lookups') }} as signals
    inner join {{ ref('stg_deal_registrations') }} as registered on signals.registration_id = registered.registration_id
    inner join {{ ref('int_deals') }} as deals on signals.deal_id = deals.deal_id
    where signals.reason is null and signals.acting_partner_id is not null
),

opportunities as (
    select
        *,
        min(acting_partner_id) over (partition by customer_id, product_id) as lowest_partner_id,
        max(acting_partner_id) over (partition by customer_id, product_id) as highest_partner_id
    from registrations
    where approval_rank = 1 and customer_id is not null and product_id is not null
),

contested as (
    select
        deal_id, acting_partner_id, credit_on, customer_id, product_id,
        row_number() over (partition by customer_id, product_id order by decided_at nulls last, deal_id) as turn
    from opportunities
    where lowest_partner_id != highest_partner_id
),

standing as (
    select
        customer_id, product_id, turn, deal_id,
        deal_id as standing_deal_id, acting_partner_id as standing_partner_id, credit_on as standing_on
    from contested
    where turn = 1
    union all
    select
        next_deals.customer_id,
        next_deals.product_id,
        next_deals.turn,
        next_deals.deal_id,
        case when next_deals.is_duplicate then next_deals.standing_deal_id else next_deals.deal_id end as standing_deal_id,
        case when next_deals.is_duplicate then next_deals.standing_partner_id else next_deals.acting_partner_id end
            as standing_partner_id,
        case when next_deals.is_duplicate then next_deals.standing_on else next_deals.credit_on end as standing_on
    from (
        select
            contested.*,
            standing.standing_deal_id,
            standing.standing_partner_id,
            standing.standing_on,
            contested.acting_partner_id != standing.standing_partner_id
            and contested.credit_on <= {{ add_days('standing.standing_on', var('duplicate_window_days')) }}
            and contested.credit_on >= {{ add_days('standing.standing_on', -var('duplicate_window_days')) }} as is_duplicate
        from standing
        inner join contested
            on
                standing.customer_id = contested.customer_id
                and standing.product_id = contested.product_id
                and standing.turn + 1 = contested.turn
    ) as next_deals
)

select deal_id, standing_deal_id as duplicate_of_deal_id
from standing
where deal_id != standing_deal_id
