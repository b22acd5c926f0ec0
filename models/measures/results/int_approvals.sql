-- Registrations of partners with the days to their approval, or so far. How long is usual follows from the approvals of the
-- last twelve months.
with today as (
    select as_of, {{ add_months('as_of', -12) }} as year_ago from {{ ref('int_as_of') }}
),

registrations as (
    select
        registration_id,
        deal_id,
        partner_id,
        branch_id,
        status,
        {{ business_date('submitted_at') }} as submitted_on,
        case when status = 'approved' then {{ business_date('approved_at') }} end as approved_on,
        status = 'submitted' and coalesce(expires_on >= today.as_of, true) as is_waiting,
        today.as_of,
        today.year_ago
    from {{ ref('stg_deal_registrations') }}
    cross join today
),

-- An approval dated before its submission has no wait.
waits as (
    select
        *,
        case
            when is_waiting then greatest({{ days_between('submitted_on', 'as_of') }}, 0)
            when approved_on >= submitted_on then {{ days_between('submitted_on', 'approved_on') }}
        end as wait_days,
        coalesce(approved_on >= submitted_on and approved_on > year_ago and approved_on <= as_of, false) as is_usual
    from registrations
),

lengths as (
    select wait_days, sum(case when is_usual then 1 else 0 end) as approved
    from waits
    where wait_days is not null
    group by wait_days
),

-- How many approvals took fewer days.
shares as (
    select
        wait_days,
        coalesce(sum(approved) over (order by wait_days rows between unbounded preceding and 1 preceding), 0) as shorter,
        sum(approved) over () as approved
    from lengths
),

usual as (
    select cast({{ median('wait_days') }} as double) as usual_days, count(*) as approved from waits where is_usual
)

select
    waits.registration_id,
    waits.deal_id,
    coalesce(
        deals.branch_id_current,
        branches.current_branch_id,
        case when partners.partner_id is not null then {{ unknown_branch_of('partners.current_partner_id') }} end,
        'UNRESOLVED'
    ) as branch_id,
    waits.status,
    waits.submitted_on,
    waits.approved_on,
    waits.is_waiting,
    cast(waits.wait_days as integer) as wait_days,
    case when usual.approved >= {{ var('n_min') }} then usual.usual_days end as usual_days,
    case when waits.is_waiting then {{ rate('shares.shorter', 'shares.approved', var('n_min')) }} end as share_shorter
from waits
cross join usual
left join shares on waits.wait_days = shares.wait_days
left join {{ ref('fct_deals') }} as deals on waits.deal_id = deals.deal_id
left join {{ ref('dim_branch') }} as branches on waits.branch_id = branches.branch_id and not branches.is_sentinel
left join {{ ref('dim_partner') }} as partners on waits.partner_id = partners.partner_id and not partners.is_sentinel
