-- The distributors of two-tier deals. One side of such a deal is credited. The signals of the other side are influence, on
-- any rung.
select deal_id, acting_partner_id
from {{ ref('int_deal_lookups') }}
where is_of_distributor and acting_partner_id is not null
union
select deal_id, acting_partner_id
from {{ ref('int_deal_names') }}
where is_of_distributor and acting_partner_id is not null
