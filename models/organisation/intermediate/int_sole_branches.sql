-- The only branch of a partner that is open on a day. Days with no or several open branches have no row. Intervals of a
-- partner never overlap, so a join on the partner and a day gives at most one row.
with open_branches as (
    select
        branches.branch_id,
        coalesce(versions.partner_id, branches.partner_id) as partner_id,
        greatest(
            coalesce(branches.opened_on, {{ since_ever() }}), coalesce(versions.valid_from, {{ since_ever() }})
        ) as valid_from,
        least(coalesce(branches.closed_on, {{ for_ever() }}), coalesce(versions.valid_to, {{ for_ever() }})) as valid_to
    from {{ ref('int_branches') }} as branches
    left join {{ ref('int_branch_history') }} as versions on branches.branch_id = versions.branch_id
    where not branches.is_sentinel
),

boundaries as (
    select partner_id, valid_from as boundary from open_branches where valid_from < valid_to
    union
    select partner_id, valid_to as boundary from open_branches where valid_from < valid_to
),

segments as (
    select
        partner_id,
        boundary as valid_from,
        lead(boundary) over (partition by partner_id order by boundary) as valid_to
    from boundaries
)

select
    segments.partner_id,
    segments.valid_from,
    segments.valid_to,
    min(open_branches.branch_id) as branch_id,
    -- A company of type distributor sells through other partners, unless the deal states another role.
    coalesce(partners.partner_type = 'distributor', false) as is_of_distributor
from segments
inner join open_branches
    on
        segments.partner_id = open_branches.partner_id
        and open_branches.valid_from <= segments.valid_from
        and segments.valid_to <= open_branches.valid_to
left join {{ ref('int_partners') }} as partners on segments.partner_id = partners.partner_id
group by segments.partner_id, segments.valid_from, segments.valid_to, partners.partner_type
having count(distinct open_branches.branch_id) = 1
