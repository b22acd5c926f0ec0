-- Ratings of the relationship with a partner's executives, each valid until the next one.
select
    partner_id, rated_on, level, rated_by, reason,
    coalesce(lead(rated_on) over (partition by partner_id order by rated_on nulls last), {{ for_ever() }}) as valid_to
from {{ ref('stg_executive_relations') }}
