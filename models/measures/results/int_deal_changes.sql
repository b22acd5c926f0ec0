-- A deal adds to a figure in the month in which it begins to count, and subtracts in the month in which it no longer
-- counts. The sum over all months up to one is the figure of the window that ends with that month.

-- A visit that names no deal counts for deals of the reps who took part, if it was between a deal's beginning and win.
with visits as (
    select activity_id, deal_id, occurred_on
    from {{ ref('fct_activities') }}
    where activity_type = 'joint_visit' and status = 'held'
),

visited as (
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
),

joint_visits as (
    select deal_id, min(occurred_on) as visited_on from visited group by deal_id
),

logged_branches as (
    select distinct branch_id from {{ ref('fct_activities') }}
),

dated as (
    select
        deals.*,
        today.as_of,
        {{ add_days('deals.open_on', var('cohort_mature_days')) }} as mature_on,
        -- A deal that has been open for too long is rarely won.
        {{ add_days('deals.qualified_on', var('stale_days')) }} as stale_on
    from {{ ref('int_deal_milestones') }} as deals
    cross join {{ ref('int_as_of') }} as today
    where deals.channel_class != 'direct'
),

-- A cohort covers twelve months. A deal joins it in the month in which it matures; in the current, incomplete month, if
-- it has matured by today.
deals as (
    select
        dated.deal_id,
        dated.branch_id,
        dated.branch_version_id,
        dated.partner_id,
        dated.channel,
        {{ month_of('dated.qualified_on') }} as qualified_month,
        dated.won_month,
        {{ month_of('dated.lost_on') }} as lost_month,
        coalesce(
            {{ month_of(earliest(['dated.won_on', 'dated.lost_on', 'case when dated.stale_on <= dated.as_of then dated.stale_on end'])) }},
            {{ for_ever() }}
        ) as end_month,
        {{ month_of('dated.mature_on') }} as mature_month,
        {{ add_months(month_of('dated.mature_on'), 12) }} as cohort_end,
        dated.mature_on <= dated.as_of as is_mature,
        -- Where a branch has no logged activities, it is unknown whether there was a visit.
        logged_branches.branch_id is not null as is_logged,
        coalesce(joint_visits.visited_on <= dated.won_on, false) as is_visited
    from dated
    left join joint_visits on dated.deal_id = joint_visits.deal_id
    left join logged_branches on dated.branch_id = logged_branches.branch_id
),

deal_measures as (
    select 'closed' as measure
    union all
    select 'closed_year'
    union all
    select 'cycle_deals'
    union all
    select 'logged_wins'
    union all
    select 'self_run_wins'
    union all
    select 'cohort_deals'
    union all
    select 'cohort_qualified'
    union all
    select 'cohort_won'
    union all
    select 'open_qualified'
),

-- A deal without a first month for a measure does not count in it.
deal_spans as (
    select
        deals.deal_id, deals.branch_id, deals.branch_version_id, deals.partner_id, deals.channel, measures.measure,
        case measures.measure
            when 'closed' then deals.lost_month
            when 'closed_year' then deals.lost_month
            when 'cycle_deals' then deals.won_month
            when 'logged_wins' then case when deals.is_logged then deals.won_month end
            when 'self_run_wins' then case when deals.is_logged and not deals.is_visited then deals.won_month end
            when 'cohort_deals' then case when deals.is_mature then deals.mature_month end
            when 'cohort_qualified' then case when deals.is_mature then greatest(deals.mature_month, deals.qualified_month) end
            when 'cohort_won' then case when deals.is_mature then greatest(deals.mature_month, deals.won_month) end
            when 'open_qualified' then deals.qualified_month
        end as from_month,
        case
            when measures.measure = 'closed' then {{ add_months('deals.lost_month', 3) }}
            when measures.measure = 'closed_year' then {{ add_months('deals.lost_month', 12) }}
            when measures.measure in ('cycle_deals', 'logged_wins', 'self_run_wins') then {{ add_months('deals.won_month', 12) }}
            when measures.measure = 'open_qualified' then deals.end_month
            else deals.cohort_end
        end as to_month,
        case
            when measures.measure = 'cohort_qualified' then deals.qualified_month is not null
            when measures.measure = 'cohort_won' then deals.won_month is not null
            else true
        end as is_measured
    from deals
    cross join deal_measures as measures
),

-- A win counts in the month at whose end it still holds, as in deals_won.
won_measures as (
    select 'won_amount' as measure, 12 as months
    union all
    select 'deals_won' as measure, 12 as months
    union all
    select 'closed_year' as measure, 12 as months
    union all
    select 'closed' as measure, 3 as months
    union all
    select 'closed_won' as measure, 3 as months
),

spans as (
    select
        deal_id, branch_id, branch_version_id, partner_id, channel, measure, from_month, to_month,
        cast(1 as {{ money_type() }}) as value
    from deal_spans
    where is_measured
    union all
    select
        won.deal_id, won.branch_id, won.branch_version_id, won.partner_id, won.channel, measures.measure,
        won.month as from_month,
        {{ add_months('won.month', 'measures.months') }} as to_month,
        case when measures.measure = 'won_amount' then won.amount else cast(1 as {{ money_type() }}) end as value
    from {{ ref('int_won_months') }} as won
    cross join won_measures as measures
    where won.channel_class != 'direct' and (won.is_won or measures.measure = 'won_amount')
),

changes as (
    select deal_id, branch_id, branch_version_id, partner_id, channel, measure, from_month as month, value
    from spans
    where from_month < to_month
    union all
    select deal_id, branch_id, branch_version_id, partner_id, channel, measure, to_month as month, {{ negative('value') }} as value
    from spans
    where from_month < to_month
)

-- A span that ends after today has not ended yet, so the sum over all months is today's figure.
select deal_id, branch_id, branch_version_id, partner_id, channel, measure, month, value
from changes
where month <= (select as_of from {{ ref('int_as_of') }})
