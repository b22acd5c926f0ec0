-- Whom we know at each open branch: its head, with a change, and the people in the field who speak for us.
with today as (
    select
        as_of,
        {{ add_days('as_of', -var('contact_window_days')) }} as contact_start,
        {{ add_days('as_of', -var('reset_days')) }} as reset_start
    from {{ ref('int_as_of') }}
),

posts as (
    select posts.rep_id, branches.current_branch_id as branch_id, posts.role, posts.valid_from, posts.valid_to
    from {{ ref('dim_rep_assignment') }} as posts
    inner join {{ ref('dim_branch') }} as branches on posts.branch_id = branches.branch_id and not branches.is_sentinel
    where posts.role is not null
),

heads as (
    select
        people.branch_id_current as branch_id, people.rep_id, people.valid_from, people.previous_head_id,
        people.valid_to > today.as_of as is_there,
        -- After a merger the head who stayed counts, not the one who came last.
        row_number() over (
            partition by people.branch_id_current
            order by
                case when people.valid_to > today.as_of then 0 else 1 end, people.valid_from desc nulls last, people.rep_id
        ) as recency
    from {{ ref('int_key_people') }} as people
    cross join today
    where people.role = 'branch_head' and people.valid_from <= today.as_of
),

records as (
    select rep_id, last_contact_on, last_won_month from {{ ref('int_rep_records') }}
),

-- A champion in the field: a key person, a manager, or a salesperson who won within twelve months.
champions as (
    select
        posts.branch_id,
        count(distinct posts.rep_id) as champions,
        count(distinct case when records.last_contact_on > today.contact_start then posts.rep_id end) as live_champions
    from posts
    cross join today
    left join records on posts.rep_id = records.rep_id
    where
        {{ is_within('today.as_of', 'posts.valid_from', 'posts.valid_to') }}
        and (
            posts.role in ('key_person', 'manager')
            or (posts.role = 'rep' and records.last_won_month > {{ add_months('today.as_of', -12) }})
        )
    group by posts.branch_id
),

-- Of the seven facts that every branch should report in a fiscal year.
reported as (
    select
        profiles.branch_id,
        {{ is_known('profiles.sales_headcount') }} + {{ is_known('profiles.evaluation_scheme') }}
        + {{ is_known('profiles.focus_products') }} + {{ is_known('profiles.own_kpi') }} + {{ is_known('profiles.product_rank') }}
        + {{ is_known('profiles.customer_count') }} + {{ is_known('profiles.sells_competitor') }} as facts_known
    from {{ ref('int_profiles') }} as profiles
    cross join today
    where
        {{ is_within('today.as_of', 'profiles.as_of', 'profiles.valid_to') }}
        and {{ fiscal_year('profiles.as_of') }} = {{ fiscal_year('today.as_of') }}
)

select
    branches.branch_id,
    branches.branch_name,
    branches.partner_id,
    case when heads.is_there then heads.rep_id end as head_id,
    case when heads.is_there then names.rep_name end as head_name,
    case when heads.is_there then nullif(heads.valid_from, {{ since_ever() }}) end as head_since,
    case when heads.is_there then heads.previous_head_id end as previous_head_id,
    case when heads.is_there then head_records.last_contact_on end as head_last_contact_on,
    coalesce(heads.is_there and head_records.last_contact_on > today.contact_start, false) as is_head_live,
    -- A change of the head starts the relationship again.
    coalesce(heads.is_there and heads.previous_head_id is not null and heads.valid_from > today.reset_start, false) as is_reset,
    coalesce(champions.champions, 0) as champions,
    coalesce(champions.live_champions, 0) as live_champions,
    coalesce(heads.is_there and head_records.last_contact_on > today.contact_start and champions.live_champions > 0, false)
        as is_covered,
    cast(coalesce(reported.facts_known, 0) as bigint) as facts_known,
    cast(coalesce(reported.facts_known, 0) as double) / 7 as profile_completeness
from {{ ref('int_open_branches') }} as branches
cross join today
left join heads on branches.branch_id = heads.branch_id and heads.recency = 1
left join {{ ref('dim_rep') }} as names on heads.rep_id = names.rep_id
left join records as head_records on heads.rep_id = head_records.rep_id
left join champions on branches.branch_id = champions.branch_id
left join reported on branches.branch_id = reported.branch_id
