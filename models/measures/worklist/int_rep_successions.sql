-- Open deals, and customers of the last twelve months, of salespeople who are no longer at the branch that has them today,
-- and who of the branch could take them over: the one with most deals of the same customers, otherwise the one met last.
-- The reason `moved` has a row for the person who moved, `take_over` one for the person who could take over.
with people as (
    select people.rep_id, people.branch_id, records.last_contact_on
    from {{ ref('int_call_values') }} as people
    left join {{ ref('int_rep_records') }} as records on people.rep_id = records.rep_id
),

today as (
    select as_of, {{ add_months('as_of', -12) }} as year_start from {{ ref('int_as_of') }}
),

-- With concurrent assignments a rep is at several branches.
present as (
    select distinct posts.rep_id, branches.current_branch_id as branch_id
    from {{ ref('dim_rep_assignment') }} as posts
    inner join {{ ref('dim_branch') }} as branches on posts.branch_id = branches.branch_id
    cross join today
    where {{ is_within('today.as_of', 'posts.valid_from', 'posts.valid_to') }}
),

left_deals as (
    select
        deals.rep_id, deals.branch_id_current as branch_id, deals.customer_id, deals.deal_id,
        case when deals.status = 'open' then 1 else 0 end as is_open,
        case when deals.status = 'open' then deals.amount end as open_amount
    from {{ ref('fct_deals') }} as deals
    inner join {{ ref('int_scopes') }} as scopes
        on
            deals.branch_id_current = scopes.entity_id and scopes.scope = 'branch' and scopes.organisation = 'as_is'
            and not scopes.is_special
    cross join today
    left join present on deals.rep_id = present.rep_id and deals.branch_id_current = present.branch_id
    where
        deals.is_counted
        and deals.rep_id != 'NONE'
        and present.rep_id is null
        and scopes.closed_on > today.as_of
        and (deals.status = 'open' or deals.won_on > today.year_start)
),

left_behind as (
    select
        rep_id, branch_id,
        sum(is_open) as open_deals,
        cast(coalesce(sum(open_amount), 0) as {{ money_type() }}) as open_amount,
        count(distinct customer_id) as customers
    from left_deals
    group by rep_id, branch_id
),

shared as (
    select left_deals.rep_id as former_rep_id, left_deals.branch_id, others.rep_id, count(distinct others.deal_id) as shared_deals
    from left_deals
    inner join {{ ref('fct_deals') }} as others
        on left_deals.customer_id = others.customer_id and left_deals.branch_id = others.branch_id_current
    where others.is_counted and others.rep_id != 'NONE' and others.rep_id != left_deals.rep_id
    group by left_deals.rep_id, left_deals.branch_id, others.rep_id
),

ranked as (
    select
        left_behind.*, people.rep_id as heir_id, shared.shared_deals,
        row_number() over (
            partition by left_behind.rep_id, left_behind.branch_id
            order by coalesce(shared.shared_deals, 0) desc, people.last_contact_on desc nulls last, people.rep_id
        ) as heir_rank
    from left_behind
    inner join people on left_behind.branch_id = people.branch_id
    left join shared
        on
            left_behind.rep_id = shared.former_rep_id and left_behind.branch_id = shared.branch_id
            and people.rep_id = shared.rep_id
    -- Only reps who share a customer, or whom the vendor has met, are proposed.
    where shared.rep_id is not null or people.last_contact_on is not null
),

heirs as (
    select * from ranked where heir_rank = 1
),

moves as (
    select changes.rep_id, max(changes.valid_from) as moved_on
    from {{ ref('int_rep_changes') }} as changes
    cross join today
    where
        changes.is_current
        and changes.branch_id_before is not null
        and changes.valid_from > {{ add_days('today.as_of', -var('contact_window_days')) }}
    group by changes.rep_id
)

select
    people.rep_id,
    people.branch_id,
    'moved' as reason,
    moves.moved_on as reason_on,
    {{ joined_texts('heirs.heir_id', "', '", 'heirs.heir_id') }} as other_rep_id,
    cast(coalesce(sum(left_behind.open_deals), 0) as bigint) as open_deals,
    cast(coalesce(sum(left_behind.open_amount), 0) as {{ money_type() }}) as open_amount,
    cast(coalesce(sum(left_behind.customers), 0) as bigint) as customers
from people
inner join moves on people.rep_id = moves.rep_id
left join left_behind on people.rep_id = left_behind.rep_id
left join heirs on left_behind.rep_id = heirs.rep_id and left_behind.branch_id = heirs.branch_id
group by people.rep_id, people.branch_id, moves.moved_on
union all
select
    heirs.heir_id as rep_id,
    heirs.branch_id,
    'take_over' as reason,
    cast(null as date) as reason_on,
    {{ joined_texts('heirs.rep_id', "', '", 'heirs.rep_id') }} as other_rep_id,
    cast(sum(heirs.open_deals) as bigint) as open_deals,
    cast(sum(heirs.open_amount) as {{ money_type() }}) as open_amount,
    cast(sum(heirs.customers) as bigint) as customers
from heirs
group by heirs.heir_id, heirs.branch_id
