-- Support of today's branches per fiscal quarter: contacts, and whether an account manager was named at its end.
-- In a company without any account manager, that is unknown.
with quarters as (
    select
        periods.fiscal_year,
        periods.fiscal_quarter,
        periods.first_month as quarter_start,
        least({{ add_days('periods.next_month', -1) }}, today.as_of) as quarter_end,
        {{ is_over('periods.next_month') }} as is_over
    from ({{ fiscal_periods('quarter') }}) as periods
    cross join {{ ref('int_as_of') }} as today
),

-- Today's branches, in the quarters in which they or a predecessor were open for at least a day.
branch_quarters as (
    select distinct
        members.current_branch_id as branch_id,
        quarters.fiscal_year,
        quarters.fiscal_quarter,
        quarters.quarter_start,
        quarters.quarter_end,
        quarters.is_over
    from {{ ref('dim_branch') }} as members
    inner join quarters
        on
            not members.is_sentinel
            and coalesce(members.opened_on, {{ since_ever() }}) <= quarters.quarter_end
            and coalesce(members.closed_on, {{ for_ever() }}) > quarters.quarter_start
),

contacts as (
    select
        bridge.entity_id as branch_id,
        quarters.quarter_start,
        sum(case when activities.is_live then 1 else 0 end) as live_touches,
        sum(case when activities.is_mass then 1 else 0 end) as mass_touches
    from {{ ref('fct_activities') }} as activities
    inner join {{ ref('int_scope_bridge') }} as bridge
        on
            activities.branch_version_id = bridge.branch_version_id
            and bridge.organisation = 'as_is' and bridge.scope = 'branch'
    inner join quarters
        on activities.occurred_on >= quarters.quarter_start and activities.occurred_on <= quarters.quarter_end
    where activities.status = 'held'
    group by bridge.entity_id, quarters.quarter_start
),

managed as (
    select distinct branches.current_branch_id as branch_id, quarters.quarter_start
    from {{ ref('dim_account_manager') }} as managers
    inner join {{ ref('dim_branch') }} as branches on managers.branch_id = branches.branch_id
    inner join quarters on {{ is_within('quarters.quarter_end', 'managers.valid_from', 'managers.valid_to') }}
),

named as (
    select count(*) as assignments from {{ ref('dim_account_manager') }}
)

select
    branches.*,
    coalesce(contacts.live_touches, 0) as live_touches,
    coalesce(contacts.mass_touches, 0) as mass_touches,
    case when named.assignments > 0 then managed.branch_id is not null end as has_account_manager
from branch_quarters as branches
cross join named
left join contacts on branches.branch_id = contacts.branch_id and branches.quarter_start = contacts.quarter_start
left join managed on branches.branch_id = managed.branch_id and branches.quarter_start = managed.quarter_start
