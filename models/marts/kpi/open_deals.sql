-- Open deals at today's branches, with the day of the last movement: a stage entered, an activity about the deal, or an extract in
-- which the source had changed the deal. A new roster is no movement.
with today as (
    select as_of from {{ ref('int_as_of') }}
),

activities as (
    select deal_id, max(occurred_on) as occurred_on
    from {{ ref('fct_activities') }}
    cross join today
    where deal_id is not null and status = 'held' and occurred_on <= today.as_of
    group by deal_id
),

changes as (
    select deal_id, max(known_on) as known_on
    from {{ ref('int_deal_log') }}
    where previous_step_number is not null and step_cause is null and branch_cause is null
    group by deal_id
),

deals as (
    select
        milestones.deal_id,
        milestones.branch_id,
        case
            when milestones.proposed_on is not null then 'proposed'
            when milestones.qualified_on is not null then 'qualified'
            else 'open'
        end as stage,
        coalesce(milestones.proposed_on, milestones.qualified_on, milestones.open_on) as entered_on,
        activities.occurred_on as last_activity_on,
        changes.known_on as last_changed_on,
        today.as_of
    from {{ ref('int_deal_milestones') }} as milestones
    cross join today
    left join activities on milestones.deal_id = activities.deal_id
    left join changes on milestones.deal_id = changes.deal_id
    where milestones.won_on is null and milestones.lost_on is null
),

moved as (
    select
        *,
        greatest(
            entered_on, coalesce(last_activity_on, {{ since_ever() }}), coalesce(last_changed_on, {{ since_ever() }})
        ) as last_moved_on
    from deals
)

select
    moved.deal_id,
    facts.deal_name,
    facts.customer_id,
    branches.current_branch_id as branch_id,
    branches.current_division_id as division_id,
    branches.current_partner_id as partner_id,
    facts.channel_class,
    facts.rep_id,
    managers.account_manager_id,
    managers.account_manager_name,
    moved.stage,
    moved.entered_on as stage_entered_on,
    moved.last_activity_on,
    moved.last_changed_on,
    moved.last_moved_on,
    cast(greatest({{ days_between('moved.last_moved_on', 'moved.as_of') }}, 0) as integer) as days_without_movement,
    facts.expected_close_on,
    facts.amount
from moved
inner join {{ ref('fct_deals') }} as facts on moved.deal_id = facts.deal_id
inner join {{ ref('dim_branch') }} as branches on moved.branch_id = branches.branch_id
left join {{ ref('int_branch_managers') }} as managers on branches.current_branch_id = managers.branch_id
