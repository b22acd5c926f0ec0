-- The successive contracts of partners and branches, from all extracts, because an extract contains only the present
-- one. A contract is separate from the next one if it ended, or was reported last, before the next one began. Otherwise
-- the next one corrects it. A contract that begins where the last one ended renews it. A branch without a contract of
-- its own has its partner's while the branch is open.
with partners as (
    select partner_id, contract_started_on as started_on, contract_ended_on as ended_on, extracted_on
    from {{ ref('stg_partners') }}
    union all
    select partner_id, contract_started_on as started_on, contract_ended_on as ended_on, {{ for_ever() }} as extracted_on
    from {{ ref('int_partners') }}
),

branches as (
    select branch_id, contract_started_on as started_on, contract_ended_on as ended_on, extracted_on
    from {{ ref('stg_branches') }}
    where contract_started_on is not null
),

reported as (
    select 'partner' as entity_type, partner_id as entity_id, started_on, ended_on, extracted_on from partners
    union all
    select 'branch' as entity_type, branch_id as entity_id, started_on, ended_on, extracted_on from branches
    union all
    select
        'branch' as entity_type,
        branch_id as entity_id,
        contract_started_on as started_on,
        contract_ended_on as ended_on,
        {{ for_ever() }} as extracted_on
    from {{ ref('int_branches') }}
    where not is_sentinel
    union all
    select 'branch' as entity_type, under.branch_id as entity_id, partners.started_on, partners.ended_on, partners.extracted_on
    from {{ ref('int_branches') }} as under
    inner join partners on under.partner_id = partners.partner_id
    where
        not under.is_sentinel
        and not exists (select 1 from branches where branches.branch_id = under.branch_id)
),

last_reported as (
    select
        *,
        row_number() over (
            partition by entity_type, entity_id, started_on
            order by extracted_on desc nulls last, coalesce(ended_on, {{ for_ever() }}) desc nulls last
        ) as latest_rank
    from reported
    where started_on is not null
),

corrected as (
    select
        entity_type,
        entity_id,
        started_on,
        coalesce(ended_on, {{ for_ever() }}) as ended_on,
        extracted_on,
        min(started_on) over (
            partition by entity_type, entity_id order by extracted_on, started_on rows between 1 following and unbounded following
        ) as reported_after
    from last_reported
    where latest_rank = 1
),

others as (
    select entity_type, entity_id, started_on, least(ended_on, coalesce(reported_after, ended_on)) as ended_on
    from corrected
    where reported_after is null or ended_on <= reported_after or extracted_on < reported_after
),

-- Some sources deliver the last day, others the day after it.
begun as (
    select
        *,
        case
            when {{ add_days('started_on', -1) }} <= lag(ended_on) over (partition by entity_type, entity_id order by started_on)
                then 0
            else 1
        end as begins
    from others
),

numbered as (
    select *, sum(begins) over (partition by entity_type, entity_id order by started_on) as nth from begun
),

contracts as (
    select entity_type, entity_id, min(started_on) as started_on, max(ended_on) as ended_on
    from numbered
    group by entity_type, entity_id, nth
),

-- The type is part of the join, because a condition on one side alone would compare every contract with every branch.
while_open as (
    select
        contracts.entity_type,
        contracts.entity_id,
        greatest(contracts.started_on, coalesce(branches.opened_on, contracts.started_on)) as started_on,
        least(contracts.ended_on, coalesce(branches.closed_on, {{ for_ever() }})) as ended_on
    from contracts
    left join (
        select 'branch' as entity_type, branch_id as entity_id, opened_on, closed_on from {{ ref('int_branches') }}
    ) as branches on contracts.entity_type = branches.entity_type and contracts.entity_id = branches.entity_id
)

select entity_type, entity_id, started_on, ended_on
from while_open
where started_on < ended_on
