-- What followed from an action, by difference in differences: one row per branch, type of action and month in which it was done.
-- The new deals of the effect_months after the month, less the new deals of as many months before it, are compared with the same
-- difference of comparable branches, which did nothing of this type from the beginning of these months to their end. An action
-- is a case only if the branch did nothing of its type in the months before. Other actions overlap: comparable branches have
-- other actions before, or after, as the branch has. They have the same level, too: new deals a month in the year before these
-- months, in classes that double. It is no part of the difference, so that a lucky month cannot choose its own peers. Size, age,
-- type of partner and area are as in int_benchmarks. Where fewer than pooling_min_entities branches have all of it, area is dropped
-- first, then type of partner, age and size; last, the classes of the level quadruple. Where even these are fewer, all of them count, if
-- they are effect_min_peers. Cases whose months are not over have no result, nor have branches that closed, or whose contract ended,
-- in them.
with types as (
    select action_type, count(*) as actions
    from {{ ref('int_actions') }}
    where is_done
    group by action_type
),

-- Windows over rows: int_monthly has every month of a branch.
panel as (
    select
        places.entity_id as branch_id, places.month,
        {{ earliest(['branches.closed_on', 'branches.contract_ended_on']) }} as ended_on,
        places.size_class, places.age_class, places.partner_type, places.area,
        sum(months.deals_new) over before_it as deals_before,
        sum(months.deals_new) over after_it as deals_after,
        12 * cast(sum(months.deals_new) over year_before as double) / count(*) over year_before as yearly_level,
        count(*) over year_before as months_of_level,
        count(*) over after_it as months_after
    from {{ ref('int_monthly') }} as months
    inner join {{ ref('int_branch_places') }} as places on months.scope_key = places.scope_key and months.month = places.month
    inner join {{ ref('dim_branch') }} as branches on places.entity_id = branches.branch_id
    where months.is_complete
    window
        before_it as (
            partition by months.scope_key order by months.month rows between {{ var('effect_months') }} preceding and 1 preceding
        ),
        after_it as (
            partition by months.scope_key order by months.month rows between 1 following and {{ var('effect_months') }} following
        ),
        year_before as (
            partition by months.scope_key order by months.month
            rows between {{ var('effect_months') + 12 }} preceding and {{ var('effect_months') + 1 }} preceding
        )
),

measured as (
    select
        *,
        deals_after - deals_before as change,
        cast(cast(floor(ln(yearly_level + 1) / ln(2)) as integer) as {{ dbt.type_string() }}) as level_class,
        cast(cast(floor(ln(yearly_level + 1) / ln(4)) as integer) as {{ dbt.type_string() }}) as wide_level_class
    from panel
    where
        months_of_level >= {{ var('effect_level_months') }} and months_after = {{ var('effect_months') }}
        and coalesce(ended_on, {{ for_ever() }}) >= {{ add_months('month', var('effect_months') + 1) }}
),

-- The months for which an action is before, in or after the month.
nearby as (
    select
        actions.branch_id, actions.action_type, {{ add_months('actions.month', 'shifts.n') }} as month,
        max(case when shifts.n > 0 then 1 else 0 end) as was_before,
        max(case when shifts.n = 0 then 1 else 0 end) as is_now,
        max(case when shifts.n <= 0 then 1 else 0 end) as is_later
    from {{ ref('int_actions') }} as actions
    cross join ({{ whole_numbers(-var('effect_months'), var('effect_months')) }}) as shifts
    where actions.is_done
    group by actions.branch_id, actions.action_type, {{ add_months('actions.month', 'shifts.n') }}
),

any_action as (
    select branch_id, month, sum(was_before) as types_before, sum(is_later) as types_later
    from nearby
    group by branch_id, month
),

-- Branches with the action, and those without it in all of these months. Of a rare action nothing can be said.
candidates as (
    select
        measured.*, types.action_type,
        coalesce(own.is_now, 0) = 1 as is_case,
        case when coalesce(others.types_before, 0) > 0 then 'x' else '' end as other_before,
        case when coalesce(others.types_later, 0) > coalesce(own.is_later, 0) then 'x' else '' end as other_later
    from measured
    inner join types on types.actions >= {{ var('effect_min_actions') }}
    left join nearby as own
        on measured.branch_id = own.branch_id and measured.month = own.month and types.action_type = own.action_type
    left join any_action as others on measured.branch_id = others.branch_id and measured.month = others.month
    where coalesce(own.was_before, 0) = 0 and (coalesce(own.is_now, 0) = 1 or coalesce(own.is_later, 0) = 0)
),

levels as (
    {{ whole_numbers(1, 6) }}
),

members as (
    select
        candidates.*, levels.n as level,
        {{ dbt.concat([
            'case when levels.n <= 5 then candidates.level_class else candidates.wide_level_class end', "'/'",
            'candidates.other_before', "'/'", 'candidates.other_later', "'/'",
            "case when levels.n <= 4 then candidates.size_class else '' end", "'/'",
            "case when levels.n <= 3 then candidates.age_class else '' end", "'/'",
            "case when levels.n <= 2 then candidates.partner_type else '' end", "'/'",
            "case when levels.n <= 1 then candidates.area else '' end",
        ]) }} as peer_group
    from candidates
    cross join levels
),

peers as (
    select action_type, month, level, peer_group, count(*) as peers, cast(sum(change) as double) / count(*) as peer_change
    from members
    where not is_case
    group by action_type, month, level, peer_group
    having count(*) >= {{ var('effect_min_peers') }}
),

matched as (
    select
        members.action_type, members.branch_id, members.month, members.level, members.peer_group, peers.peers, peers.peer_change,
        row_number() over (
            partition by members.action_type, members.branch_id, members.month
            order by
                case when peers.peers >= {{ var('pooling_min_entities') }} then members.level else 100 - members.level end nulls last
        ) as nearness
    from members
    inner join peers
        on
            members.action_type = peers.action_type and members.month = peers.month and members.level = peers.level
            and members.peer_group = peers.peer_group
    where members.is_case
)

select
    actions.branch_id,
    actions.action_type,
    actions.month,
    coalesce(own.was_before, 0) = 1 as is_repeat,
    {{ add_months('actions.month', var('effect_months')) }} <= last_month.month as is_over,
    cast(measured.deals_before as bigint) as deals_before,
    cast(measured.deals_after as bigint) as deals_after,
    matched.level,
    matched.peer_group,
    matched.peers,
    -- Decimals, because a sum of floats depends on the order of its rows.
    cast(matched.peer_change as decimal(15, 6)) as peer_change,
    cast(measured.change - matched.peer_change as decimal(15, 6)) as effect
from {{ ref('int_actions') }} as actions
cross join (select max(month) as month from {{ ref('int_months') }} where is_complete) as last_month
left join nearby as own
    on actions.branch_id = own.branch_id and actions.action_type = own.action_type and actions.month = own.month
left join measured on actions.branch_id = measured.branch_id and actions.month = measured.month
left join matched
    on
        actions.action_type = matched.action_type and actions.branch_id = matched.branch_id and actions.month = matched.month
        and matched.nearness = 1
where actions.is_done
