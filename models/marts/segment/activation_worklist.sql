-- What each account manager does this week: branches with the person to call, ranked by what an hour of support is expected to bring,
-- up to the hours that the account manager has. Branches with high potential and no result come first, up to their part of the hours.
-- The place on the map is that of the last half that is over. A half that runs has fewer results than it will have, so it is shown in
-- a column of its own, and counts only for branches that were not there before.
with ranked_halves as (
    select
        branch_id, period_end, is_over, segment, potential_score, support_priority,
        row_number() over (partition by branch_id, is_over order by period_start desc nulls last) as recency,
        max(period_start) over (partition by is_over) as latest_start,
        period_start
    from {{ ref('branch_segments') }}
),

places as (
    select * from ranked_halves where recency = 1 and period_start = latest_start
),

segments as (
    select
        coalesce(closed.branch_id, running.branch_id) as branch_id,
        coalesce(closed.period_end, running.period_end) as segment_on,
        case when closed.branch_id is null then running.segment else closed.segment end as segment,
        case when closed.branch_id is null then running.potential_score else closed.potential_score end as potential_score,
        case when closed.branch_id is null then running.support_priority else closed.support_priority end as support_priority,
        running.segment as running_segment
    from (select * from places where is_over) as closed
    full outer join (select * from places where not is_over) as running on closed.branch_id = running.branch_id
),

activating as (
    select
        listed.*,
        segments.segment,
        segments.segment_on,
        segments.running_segment,
        segments.potential_score,
        segments.support_priority,
        case
            when segments.support_priority = 1 then sum(listed.hours) over (
                partition by listed.account_manager_id, segments.support_priority
                order by listed.amount_per_hour desc nulls last, segments.potential_score desc nulls last, listed.branch_id
                rows between unbounded preceding and current row
            )
        end as activation_hours
    from {{ ref('int_worklist_branches') }} as listed
    left join segments on listed.branch_id = segments.branch_id
),

parts as (
    select
        *,
        case when activation_hours <= {{ var('activation_share') }} * capacity_hours then 0 else 1 end as list_part
    from activating
),

ordered as (
    select
        *,
        row_number() over (
            partition by account_manager_id
            order by
                list_part nulls last, amount_per_hour desc nulls last, support_priority nulls last,
                potential_score desc nulls last, branch_id
        ) as list_rank
    from parts
),

filled as (
    select
        *,
        sum(hours) over (
            partition by account_manager_id order by list_rank rows between unbounded preceding and current row
        ) as hours_so_far
    from ordered
)

select
    filled.branch_id,
    filled.branch_name,
    filled.partner_id,
    partners.partner_name,
    filled.account_manager_id,
    filled.account_manager_name,
    filled.listed_on,
    cast(filled.list_rank as integer) as list_rank,
    filled.segment,
    filled.segment_on,
    filled.potential_score as list_potential,
    filled.support_priority as list_priority,
    filled.running_segment,
    filled.rep_id,
    reps.rep_name,
    cast(filled.people_to_call as bigint) as people_to_call,
    filled.reason,
    coalesce(filled.meaning, case filled.reason
        when 'get_names' then 'The roster has nobody at this branch: ask for the names' else 'What was agreed is due'
    end) as meaning,
    coalesce(filled.meaning_ja, case filled.reason
        when 'get_names' then '名簿に営業担当者がいない。氏名を聞く' else '合意した次のアクションの期限が来ている'
    end) as meaning_ja,
    filled.action_type,
    filled.hours as action_hours,
    filled.hours_so_far,
    filled.capacity_hours,
    filled.call_value as expected_amount,
    filled.call_evidence,
    {{ round_money('filled.amount_per_hour') }} as amount_per_hour,
    filled.last_touch_on,
    records.last_contact_on,
    filled.next_action,
    filled.next_action_due_on,
    filled.is_action_due,
    brought.product_id as bring_product_id,
    brought.source_branch_id as bring_from_branch_id,
    brought.case_id as bring_case_id,
    plays.recommended_play as play,
    plays.recommended_play_ja as play_ja
from filled
left join {{ ref('dim_partner') }} as partners on filled.partner_id = partners.partner_id
left join {{ ref('dim_rep') }} as reps on filled.rep_id = reps.rep_id
left join {{ ref('int_rep_records') }} as records on filled.rep_id = records.rep_id
left join {{ ref('int_things_to_bring') }} as brought on filled.branch_id = brought.branch_id
left join {{ ref('bottlenecks') }} as plays
    on filled.branch_id = plays.branch_id and plays.scope = 'branch' and plays.is_bottleneck
where filled.hours_so_far <= filled.capacity_hours
