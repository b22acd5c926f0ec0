-- Who owns an address, by interval. An address of a rep's roster row counts from the day on which the roster gave it until it
-- gave the rep another. A rep's first address counts from the beginning, and the last also after the rep left the roster, but
-- an address that several reps had only while the roster gave it.
with dated as (
    select * from (
        {{ dated_history('contact_points', ['owner_type', 'owner_id', 'kind', 'value'], []) }}
    ) as history
    where kind in ('email', 'domain')
),

reported as (
    select * from (
        with pieces as (
            select
                rep_id,
                {{ email_address('rep_email') }} as address,
                {{ held_from(['rep_id']) }} as valid_from,
                coalesce(next_extracted_on, {{ for_ever() }}) as valid_to
            from {{ ref('stg_reps') }}
            where rep_email is not null
        ),

        {{ joined_pieces('rep_id, address') }}
    ) as history
),

rostered as (
    select
        rep_id,
        address,
        case
            when
                valid_from = min(valid_from) over (partition by rep_id)
                and min(rep_id) over (partition by address) = max(rep_id) over (partition by address)
                then {{ since_ever() }}
            else valid_from
        end as valid_from,
        case
            when min(rep_id) over (partition by address) = max(rep_id) over (partition by address)
                then greatest(
                    valid_to,
                    coalesce(
                        lead(valid_from) over (partition by rep_id order by valid_from, valid_to, address nulls last),
                        {{ for_ever() }}
                    )
                )
            else valid_to
        end as valid_to
    from reported
),

all_points as (
    select owner_type, owner_id, kind, {{ email_address('value') }} as address, valid_from, valid_to
    from dated
    union all
    select
        'rep' as owner_type,
        rep_id as owner_id,
        'email' as kind,
        address,
        valid_from,
        valid_to
    from rostered
    where
        -- Dated entries of the same rep and address have priority.
        not exists (
            select 1 from dated
            where
                dated.owner_type = 'rep' and dated.kind = 'email'
                and dated.owner_id = rostered.rep_id and {{ email_address('dated.value') }} = rostered.address
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
