-- How often a play was used and whether it helped: deals that entered its step within play_days after it, and how many of them
-- passed, next to the other deals of the same branches at that step. Actions of plans record the uses. Only deals that have had
-- enough time count.
with actions as (
    {{ last_known('plan_actions', ['action_id']) }}
),

plans as (
    select distinct plan_id, scope_id as branch_id from {{ ref('stg_account_plans') }} where scope = 'branch'
),

uses as (
    select plays.play_id, plays.step, plans.branch_id, actions.done_on
    from {{ ref('plays') }} as plays
    inner join actions on plays.action_type = actions.action_type
    inner join plans on actions.plan_id = plans.plan_id
    cross join {{ ref('int_as_of') }} as today
    where actions.done_on <= today.as_of
),

steps as (
    select 'open' as step
    union all
    select 'qualified' as step
    union all
    select 'proposed' as step
),

stays as (
    select
        deals.deal_id, deals.branch_id, steps.step,
        case steps.step when 'open' then deals.open_on when 'qualified' then deals.qualified_on else deals.proposed_on end as entered_on,
        case steps.step when 'open' then deals.qualified_on when 'qualified' then deals.proposed_on else deals.won_on end as passed_on
    from {{ ref('int_deal_milestones') }} as deals
    cross join steps
    where deals.branch_id in (select branch_id from uses)
),

entries as (
    select
        stays.deal_id, stays.branch_id, stays.step, stays.entered_on,
        case when stays.passed_on is not null then 1 else 0 end as is_passed
    from stays
    cross join {{ ref('int_as_of') }} as today
    where
        stays.entered_on <= {{ add_days('today.as_of', -var('cohort_mature_days')) }}
        and coalesce(stays.passed_on, {{ for_ever() }}) > stays.entered_on
),

-- A deal after several uses counts once.
after_use as (
    select distinct uses.play_id, entries.deal_id
    from uses
    inner join entries
        on
            uses.branch_id = entries.branch_id and uses.step = entries.step and uses.done_on < entries.entered_on
            and entries.entered_on <= {{ add_days('uses.done_on', var('play_days')) }}
),

users as (
    select play_id, step, branch_id, count(*) as uses from uses group by play_id, step, branch_id
),

counted as (
    select
        users.play_id,
        sum(case when after_use.deal_id is not null then 1 else 0 end) as deals,
        sum(case when after_use.deal_id is not null then entries.is_passed else 0 end) as passed,
        sum(case when after_use.deal_id is null then 1 else 0 end) as other_deals,
        sum(case when after_use.deal_id is null then entries.is_passed else 0 end) as other_passed
    from users
    inner join entries on users.branch_id = entries.branch_id and users.step = entries.step
    left join after_use on users.play_id = after_use.play_id and entries.deal_id = after_use.deal_id
    group by users.play_id
),

totals as (
    select play_id, sum(uses) as uses from users group by play_id
),

compared as (
    select
        totals.play_id, totals.uses, counted.deals, counted.passed, counted.other_deals, counted.other_passed,
        cast(counted.passed + counted.other_passed as double) / (counted.deals + counted.other_deals) as usual,
        case
            when counted.deals > 0 and counted.other_deals > 0
                then cast(counted.passed as double) / counted.deals - cast(counted.other_passed as double) / counted.other_deals
        end as difference
    from totals
    left join counted on totals.play_id = counted.play_id
),

-- The usual test of two shares.
judged as (
    select
        *,
        case
            when usual > 0 and usual < 1
                then difference / sqrt(usual * (1 - usual) * (cast(1 as double) / deals + cast(1 as double) / other_deals))
        end as distance
    from compared
)

select
    play_id,
    cast(uses as bigint) as uses,
    cast(coalesce(deals, 0) as bigint) as deals,
    {{ rate('passed', 'deals', var('n_min')) }} as pass_rate,
    {{ rate('other_passed', 'other_deals', var('n_min')) }} as other_pass_rate,
    {{ evidence_grade('distance') }} as evidence
from judged
