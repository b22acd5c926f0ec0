-- Open issues of a branch and cases of its sister branches that may help, the likeliest first. Failures are shown as well, as a
-- warning. Only cases that may be shared are listed.
with issues as (
    select * from {{ ref('int_cases') }} where kind = 'issue' and closed_on is null and branch_id_current is not null
),

others as (
    select * from {{ ref('int_cases') }} where kind in ('success', 'failure') and is_shareable and branch_id_current is not null
),

solved as (
    select solved_by_case_id as case_id, count(*) as issues_solved
    from {{ ref('int_cases') }}
    where kind = 'issue' and closed_on is not null and solved_by_case_id is not null
    group by solved_by_case_id
),

rollouts as (
    select
        case_id,
        sum(case when is_judged then 1 else 0 end) as rollouts,
        sum(case when is_judged and outcome = 'succeeded' then 1 else 0 end) as rollouts_succeeded
    from {{ ref('int_rollouts') }}
    group by case_id
),

shared as (
    select distinct case_id, target_branch_id from {{ ref('int_rollouts') }}
),

pairs as (
    select
        issues.case_id as issue_id, issues.branch_id_current as branch_id, issues.partner_id_current as partner_id, issues.topic,
        issues.level as issue_level, issues.summary as issue_summary, issues.recorded_on as issue_recorded_on,
        others.case_id, others.branch_id_current as case_branch_id, others.kind as case_kind, others.level as case_level,
        others.summary as case_summary, others.recorded_on as case_recorded_on, others.product_id,
        coalesce(issues.topic = others.topic, false) as is_same_topic,
        coalesce(issues.product_id = others.product_id, false) as is_same_product,
        coalesce(issues.customer_industry = others.customer_industry, false) as is_same_industry
    from issues
    inner join others
        on issues.partner_id_current = others.partner_id_current and issues.branch_id_current != others.branch_id_current
    where issues.topic = others.topic or (issues.product_id = others.product_id and issues.customer_industry = others.customer_industry)
),

ranked as (
    select
        pairs.*,
        coalesce(solved.issues_solved, 0) as issues_solved,
        coalesce(rollouts.rollouts, 0) as rollouts,
        coalesce(rollouts.rollouts_succeeded, 0) as rollouts_succeeded,
        shared.case_id is not null as is_shared,
        row_number() over (
            partition by pairs.issue_id, pairs.case_kind
            order by
                case when pairs.is_same_topic then 1 else 0 end + case when pairs.is_same_product then 1 else 0 end
                + case when pairs.is_same_industry then 1 else 0 end desc nulls last,
                coalesce(solved.issues_solved, 0) + coalesce(rollouts.rollouts_succeeded, 0) desc nulls last,
                pairs.case_recorded_on desc nulls last,
                pairs.case_id nulls last
        ) as match_rank
    from pairs
    left join solved on pairs.case_id = solved.case_id
    left join rollouts on pairs.case_id = rollouts.case_id
    left join shared on pairs.case_id = shared.case_id and pairs.branch_id = shared.target_branch_id
)

select
    issue_id,
    case_id,
    case_kind,
    cast(match_rank as integer) as match_rank,
    branch_id,
    partner_id,
    topic,
    issue_level,
    issue_summary,
    issue_recorded_on,
    case_branch_id,
    case_level,
    case_summary,
    case_recorded_on,
    product_id,
    is_same_topic,
    is_same_product,
    is_same_industry,
    is_shared,
    issues_solved,
    cast(rollouts_succeeded as bigint) as rollouts_succeeded,
    cast(rollouts as bigint) as rollouts
from ranked
where match_rank <= {{ var('sister_matches') }}
