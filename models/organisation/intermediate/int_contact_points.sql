-- Rep of an address, by interval. The address in the rep's own roster row is valid from the beginning.
with dated as (
    select * from (
        {{ dated_history('contact_points', ['owner_type', 'owner_id', 'kind', 'value'], []) }}
    ) as history
    where kind in ('email', 'domain')
),

rostered as (
    {{ last_known('reps', ['rep_id']) }}
),

all_points as (
    select owner_type, owner_id, kind, {{ email_address('value') }} as address, valid_from, valid_to
    from dated
    union all
    select
        'rep' as owner_type,
        rep_id as owner_id,
        'email' as kind,
        {{ email_address('rep_email') }} as address,
        {{ since_ever() }} as valid_from,
        {{ for_ever() }} as valid_to
    from rostered
    where
        rep_email is not null
        -- Dated entries of the same rep and address have priority.
        and not exists (
            select 1 from dated
            where
                dated.owner_type = 'rep' and dated.kind = 'email'
                and dated.owner_id = rostered.rep_id and {{ email_address('dated.value') }} = {{ email_address('rostered.rep_email') }}
        )
)

select
    all_points.owner_type,
    all_points.owner_id,
    all_points.kind,
    all_points.address,
    all_points.valid_from,
    all_points.valid_to,
    case when all_points.owner_type = 'branch' then all_points.owner_id end as branch_id,
    case
        when all_points.owner_type = 'partner' then all_points.owner_id
        when all_points.owner_type = 'branch' then branches.partner_id
    end as partner_id
from all_points
left join {{ ref('int_branches') }} as branches
    on case when all_points.owner_type = 'branch' then all_points.owner_id end = branches.branch_id
