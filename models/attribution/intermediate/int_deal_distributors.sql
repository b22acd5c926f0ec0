-- The distributors of two-tier deals. One side of such a deal is credited. The signals of the other side are influence, on
-- any rung. The role that a deal states outweighs the type of a company. So a company of type distributor is not listed where
-- the deal calls it the seller, nor where the deal calls another company its distributor and nobody else sells.
with named as (
    select deal_id, acting_partner_id, role, is_of_distributor
    from {{ ref('int_deal_lookups') }}
    where acting_partner_id is not null and not {{ is_helper('role') }}
    union all
    select deal_id, acting_partner_id, cast(null as string) as role, is_of_distributor
    from {{ ref('int_deal_names') }}
    where acting_partner_id is not null
),

parties as (
    select
        deal_id,
        acting_partner_id,
        max(case when is_of_distributor then 1 else 0 end) as is_of_distributor,
        max(case when role = 'distributor' then 1 else 0 end) as is_called_distributor,
        max(case when {{ is_selling_role('role') }} then 1 else 0 end) as is_called_seller
    from named
    where deal_id in (select distributors.deal_id from named as distributors where distributors.is_of_distributor)
    group by deal_id, acting_partner_id
),

sides as (
    select
        *,
        max(is_called_distributor) over (partition by deal_id) as has_distributor,
        max(case when is_called_seller = 1 or is_of_distributor = 0 then 1 else 0 end) over (partition by deal_id) as has_seller
    from parties
)

select deal_id, acting_partner_id
from sides
where
    is_of_distributor = 1
    and is_called_seller = 0
    and (is_called_distributor = 1 or has_distributor = 0 or has_seller = 1)
