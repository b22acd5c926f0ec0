with rostered as (
    {{ last_known('branches', ['branch_id']) }}
),

-- The day of the first extract that held the branch; empty for what was there from the beginning.
first_held as (
    select branch_id, nullif(min(held_from), {{ since_ever() }}) as listed_from
    from (select branch_id, {{ held_from(['branch_id']) }} as held_from from {{ ref('stg_branches') }}) as held
    group by branch_id
),

partners as (
    select * from {{ ref('int_partners') }}
),

listed_branches as (
    select partner_id from {{ ref('stg_branches') }}
),

-- A partner whose only branch now belongs to another partner had a branch, so it gets no implicit one.
without_branches as (
    select *
    from partners
    where not exists (select 1 from listed_branches where listed_branches.partner_id = partners.partner_id)
),

sentinels as (
    select 'DIRECT' as branch_id, 'DIRECT' as partner_id, '直販 (direct)' as branch_name
    union all
    select 'UNRESOLVED' as branch_id, 'UNRESOLVED' as partner_id, '未特定 (unresolved)' as branch_name
    union all
    select
        {{ unknown_branch_of('partner_id') }} as branch_id,
        partner_id,
        {{ dbt.concat(["partner_name", "' 拠点不明 (branch unknown)'"]) }} as branch_name
    from partners
)

select
    branches.branch_id,
    branches.partner_id,
    branches.branch_name,
    branches.division_id,
    branches.division_name,
    branches.branch_kind,
    coalesce(branches.is_head_office, false) as is_head_office,
    branches.prefecture,
    -- A branch that an earlier extract omits was not open before its own first extract, unless the roster has a date.
    coalesce(
        branches.opened_on, case when coalesce(first_held.listed_from < branches.closed_on, true) then first_held.listed_from end
    ) as opened_on,
    -- A branch that a later extract omits was closed at that extract's date, unless the roster has an earlier date.
    {{ earliest(['branches.closed_on', 'branches.unlisted_on']) }} as closed_on,
    coalesce(branches.is_focus, partners.is_focus, false) as is_focus,
    coalesce(branches.contract_started_on, partners.contract_started_on) as contract_started_on,
    coalesce(branches.contract_ended_on, partners.contract_ended_on) as contract_ended_on,
    false as is_sentinel
from rostered as branches
inner join first_held on branches.branch_id = first_held.branch_id
left join partners on branches.partner_id = partners.partner_id
union all
select
    {{ dbt.concat(["'IMPLICIT:'", "partner_id"]) }} as branch_id,
    partner_id,
    partner_name as branch_name,
    null as division_id,
    null as division_name,
    null as branch_kind,
    true as is_head_office,
    null as prefecture,
    -- An implicit branch is there while its company is.
    listed_from as opened_on,
    listed_to as closed_on,
    is_focus,
    contract_started_on,
    contract_ended_on,
    false as is_sentinel
from without_branches
union all
select
    branch_id,
    partner_id,
    branch_name,
    null as division_id,
    null as division_name,
    null as branch_kind,
    false as is_head_office,
    null as prefecture,
    cast(null as date) as opened_on,
    cast(null as date) as closed_on,
    false as is_focus,
    cast(null as date) as contract_started_on,
    cast(null as date) as contract_ended_on,
    true as is_sentinel
from sentinels
