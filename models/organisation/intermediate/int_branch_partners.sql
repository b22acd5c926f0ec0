-- The company that acts for a branch, by interval: its partner, or the company into which that partner was merged.
-- Intervals of a branch never overlap.
select
    versions.branch_id,
    versions.branch_name,
    identity.acting_partner_id,
    greatest(versions.valid_from, identity.valid_from) as valid_from,
    least(versions.valid_to, identity.valid_to) as valid_to
from {{ ref('int_branch_history') }} as versions
inner join {{ ref('int_partner_identity') }} as identity
    on
        versions.partner_id = identity.partner_id
        and versions.valid_from < identity.valid_to
        and identity.valid_from < versions.valid_to
