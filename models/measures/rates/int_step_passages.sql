-- One row per deal and step of the funnel that it entered within the window, and whether it passed. The window ends when
-- its youngest deals have had enough time. Of later deals, only the fast ones would have passed.
with windows as (
    select
        {{ add_months(add_days('as_of', -var('cohort_mature_days')), -var('bottleneck_window_months')) }} as window_start,
        {{ add_days('as_of', -var('cohort_mature_days')) }} as window_end
    from {{ ref('int_as_of') }}
),

steps as (
    select 'open' as step, 1 as step_order
    union all
    select 'qualified' as step, 2 as step_order
    union all
    select 'proposed' as step, 3 as step_order
),

entries as (
    select
        deals.deal_id,
        deals.branch_version_id,
        steps.step,
        steps.step_order,
        deals.won_on,
        case steps.step when 'open' then deals.open_on when 'qualified' then deals.qualified_on else deals.proposed_on end as entered_on,
        case steps.step when 'open' then deals.qualified_on when 'qualified' then deals.proposed_on else deals.won_on end as passed_on
    from {{ ref('int_deal_milestones') }} as deals
    cross join steps
    where deals.branch_id != 'DIRECT'
)

select
    entries.deal_id,
    entries.branch_version_id,
    entries.step,
    entries.step_order,
    windows.window_start,
    windows.window_end,
    case when entries.passed_on is not null then 1 else 0 end as is_passed,
    case when entries.won_on is not null then 1 else 0 end as is_won
from entries
inner join windows on entries.entered_on > windows.window_start and entries.entered_on <= windows.window_end
-- A deal that passed on the day of entry skipped the stage and is not counted. A lost deal that skipped a stage has no
-- entry for it.
where coalesce(entries.passed_on, {{ for_ever() }}) > entries.entered_on
