-- The events of a branch in one dated list. An event that was logged later than it happened shows both days.
with events as (
    select
        branch_id, opened_on as happened_on, cast(null as date) as known_on, 'opened' as event_type,
        cast(opened_on as string) as source_id, branch_name as subject, cast(null as decimal(18, 2)) as amount
    from {{ ref('dim_branch') }}
    where opened_on is not null and not is_sentinel
    union all
    select branch_id, closed_on, cast(null as date), 'closed', cast(closed_on as string), branch_name, null
    from {{ ref('dim_branch') }}
    where closed_on is not null and not is_sentinel
    union all
    select
        from_branch_id, effective_on, extracted_on, 'succeeded',
        {{ dbt.concat(["from_branch_id", "' > '", "to_branch_id"]) }}, to_branch_id, null
    from {{ ref('int_successions') }}
    union all
    select
        posts.branch_id, posts.valid_from, cast(null as date), 'rep_joined',
        {{ dbt.concat(["posts.rep_id", "' '", "cast(posts.valid_from as string)"]) }}, reps.rep_name, null
    from {{ ref('int_rep_posts') }} as posts
    inner join {{ ref('dim_rep') }} as reps on posts.rep_id = reps.rep_id
    where posts.branch_id is not null and posts.valid_from > {{ since_ever() }}
    union all
    select
        posts.branch_id, posts.valid_to, cast(null as date), 'rep_left',
        {{ dbt.concat(["posts.rep_id", "' '", "cast(posts.valid_from as string)"]) }}, reps.rep_name, null
    from {{ ref('int_rep_posts') }} as posts
    inner join {{ ref('dim_rep') }} as reps on posts.rep_id = reps.rep_id
    where posts.branch_id is not null and posts.valid_to < {{ for_ever() }}
    union all
    select
        heads.branch_id, heads.valid_from, cast(null as date), 'head_changed',
        {{ dbt.concat(["heads.rep_id", "' '", "cast(heads.valid_from as string)"]) }},
        {{ dbt.concat(["coalesce(earlier.rep_name, heads.previous_head_id)", "' > '", "coalesce(reps.rep_name, heads.rep_id)"]) }}, null
    from {{ ref('int_key_people') }} as heads
    left join {{ ref('dim_rep') }} as reps on heads.rep_id = reps.rep_id
    left join {{ ref('dim_rep') }} as earlier on heads.previous_head_id = earlier.rep_id
    where heads.previous_head_id is not null
    union all
    select entity_id, valid_from, cast(null as date), 'status', {{ dbt.concat(["entity_id", "' '", "status"]) }}, status, null
    from {{ ref('int_status_spells') }}
    where entity_type = 'branch' and basis = 'typed'
    union all
    select branch_id, recorded_on, extracted_on, {{ dbt.concat(["'case_'", "kind"]) }}, case_id, summary, null
    from {{ ref('int_cases') }}
    union all
    select
        revenue.branch_id, revenue.recognized_on, deals.first_extracted_on, revenue.event_type,
        {{ dbt.concat(["revenue.deal_id", "' '", "revenue.event_id"]) }}, deals.deal_name, revenue.amount
    from {{ ref('fct_revenue') }} as revenue
    inner join {{ ref('int_deals') }} as deals on revenue.deal_id = deals.deal_id
    union all
    select
        activities.branch_id, activities.occurred_on, activities.logged_on, activities.activity_type,
        activities.activity_id, activities.next_action, null
    from {{ ref('fct_activities') }} as activities
    where
        activities.status = 'held'
        and activities.activity_type in ('study_session', 'joint_visit', 'regular_meeting', 'qbr', 'training')
    union all
    -- An action that is an activity is in the list as the activity.
    select entity_id, done_on, cast(null as date), 'plan_action', action_id, action_type, null
    from {{ ref('int_plan_actions') }}
    where book = 'today' and scope = 'branch' and done_on is not null and activity_id is null
)

select
    events.branch_id,
    events.happened_on,
    events.known_on,
    events.event_type,
    events.source_id,
    events.subject,
    events.amount
from events
inner join {{ ref('dim_branch') }} as branches on events.branch_id = branches.branch_id and not branches.is_sentinel
