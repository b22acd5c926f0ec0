{{ config(schema='intermediate', materialized='view') }}

-- What a deal adds to a figure in the month in which it begins to count, and takes away in the one in which it no longer does:
-- summed over all months up to one, that is the figure of the window that ends with it.
-- noqa: disable=LT02,LT05
{% set counts = [
    ('closed', 'lost_month', add_months('lost_month', 3), 'true'),
    ('closed_year', 'lost_month', add_months('lost_month', 12), 'true'),
    ('cycle_deals', 'won_month', add_months('won_month', 12), 'true'),
    ('logged_wins', 'won_month', add_months('won_month', 12), 'is_logged'),
    ('self_run_wins', 'won_month', add_months('won_month', 12), 'is_logged and not is_visited'),
    ('cohort_deals', 'mature_month', 'cohort_end', 'is_mature'),
    ('cohort_qualified', 'greatest(mature_month, qualified_month)', 'cohort_end', 'is_mature and qualified_month is not null'),
    ('cohort_won', 'greatest(mature_month, won_month)', 'cohort_end', 'is_mature and won_month is not null'),
    ('open_qualified', 'qualified_month', 'end_month', 'true'),
] -%}

-- A visit that names no deal is one to the deals of the reps who came along, from their beginning to their win.
with visits as (
    select activity_id, deal_id, occurred_on
    from {{ ref('fct_activities') }}
    where activity_type = 'joint_visit' and status = 'held'
),

joint_visits as (
    select deal_id, min(occurred_on) as visited_on
    from (
        select deal_id, occurred_on from visits where deal_id is not null
        union all
        select milestones.deal_id, visits.occurred_on
        from visits
        inner join {{ ref('fct_attendance') }} as touches on visits.activity_id = touches.activity_id and touches.is_attended
        inner join {{ ref('int_deal_milestones') }} as milestones
            on
                touches.rep_id = milestones.rep_id
                and visits.occurred_on >= milestones.open_on
                and visits.occurred_on <= milestones.won_on
        where visits.deal_id is null
    ) as visited
    group by deal_id
),

logged_branches as (
    select distinct branch_id from {{ ref('fct_activities') }}
),

-- A cohort is of twelve months; a deal comes into it in the month by whose end it has had time to ripen, or by today in one that is
-- not over.
deals as (
    select
        deals.deal_id,
        deals.branch_id,
        deals.partner_id,
        deals.channel,
        {{ month_of('deals.qualified_on') }} as qualified_month,
        deals.won_month,
        {{ month_of('deals.lost_on') }} as lost_month,
        -- A deal that has been open for too long is hardly won any more.
        {%- set stale_on = add_days('deals.qualified_on', var('stale_days')) %}
        coalesce({{ month_of(earliest([
            'deals.won_on', 'deals.lost_on', 'case when ' ~ stale_on ~ ' <= today.as_of then ' ~ stale_on ~ ' end',
        ])) }}, {{ for_ever() }}) as end_month,
        {{ month_of(add_days('deals.open_on', var('cohort_mature_days'))) }} as mature_month,
        {{ add_months(month_of(add_days('deals.open_on', var('cohort_mature_days'))), 12) }} as cohort_end,
        {{ add_days('deals.open_on', var('cohort_mature_days')) }} <= today.as_of as is_mature,
        -- Nothing logged is no proof that nobody was there.
        logged_branches.branch_id is not null as is_logged,
        coalesce(joint_visits.visited_on <= deals.won_on, false) as is_visited
    from {{ ref('int_deal_milestones') }} as deals
    cross join {{ ref('int_as_of') }} as today
    left join joint_visits on deals.deal_id = joint_visits.deal_id
    left join logged_branches on deals.branch_id = logged_branches.branch_id
    where deals.channel_class != 'direct'
),

spans as (
    {% for measure, from_month, to_month, condition in counts -%}
    select deal_id, branch_id, partner_id, channel, '{{ measure }}' as measure, {{ from_month }} as from_month, {{ to_month }} as to_month, 1 as value
    from deals
    where {{ condition }}
    union all
    {% endfor -%}
    select deal_id, branch_id, partner_id, channel, 'won_amount' as measure, month as from_month, {{ add_months('month', 12) }} as to_month,
        amount as value
    from {{ ref('int_won_months') }}
    where channel_class != 'direct'
    -- A win is the same here and in deals_won: that of a month which it outlives.
    {%- for measure, window in [('deals_won', 12), ('closed_year', 12), ('closed', 3), ('closed_won', 3)] %}
    union all
    select deal_id, branch_id, partner_id, channel, '{{ measure }}' as measure, month as from_month, {{ add_months('month', window) }} as to_month,
        1 as value
    from {{ ref('int_won_months') }}
    where channel_class != 'direct' and is_won
    {%- endfor %}
),

changes as (
    select deal_id, branch_id, partner_id, channel, measure, from_month as month, value from spans where from_month < to_month
    union all
    select deal_id, branch_id, partner_id, channel, measure, to_month as month, -value as value from spans where from_month < to_month
)

-- What ends after today has not ended yet: the sum over all months is today's figure.
select deal_id, branch_id, partner_id, channel, measure, month, value
from changes
where month <= (select as_of from {{ ref('int_as_of') }})
