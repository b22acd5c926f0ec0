-- Account plans as known at each book's day, by version. Only agreed versions count: the first one is the original plan, the last
-- one the current plan. A version that is agreed later than that day is not agreed yet.
with plans as (
    select
        books.book,
        plans.plan_id,
        plans.version,
        plans.scope,
        plans.scope_id as entity_id,
        plans.period_start,
        plans.period_end,
        plans.agreed_on,
        plans.agreed_by,
        plans.status,
        plans.parent_plan_id,
        plans.follows_plan_id,
        plans.owner_staff_id,
        plans.partner_benefit,
        plans.vendor_benefit,
        plans.lessons,
        coalesce(plans.agreed_on <= books.as_of, false) as is_agreed,
        books.as_of,
        row_number() over (
            partition by books.book, plans.plan_id, plans.version
            order by plans.extracted_on desc nulls last, plans.source_name, plans.file_name, plans.row_number
        ) as latest_extract
    from {{ ref('stg_account_plans') }} as plans
    inner join {{ ref('int_plan_books') }} as books on {{ is_known_at('plans', 'books.known_until') }}
    where plans.period_start <= plans.period_end and coalesce(plans.period_end >= books.period_start, true)
),

ranked as (
    select
        *,
        row_number() over (partition by book, plan_id, is_agreed order by version nulls last) as first_rank,
        row_number() over (partition by book, plan_id, is_agreed order by version desc nulls last) as last_rank,
        row_number() over (partition by book, plan_id order by version desc nulls last) as latest_rank
    from plans
    where latest_extract = 1
)

select
    book,
    plan_id,
    version,
    scope,
    entity_id,
    period_start,
    period_end,
    agreed_on,
    agreed_by,
    status,
    parent_plan_id,
    follows_plan_id,
    owner_staff_id,
    partner_benefit,
    vendor_benefit,
    lessons,
    is_agreed,
    is_agreed and first_rank = 1 as is_original,
    is_agreed and last_rank = 1 as is_current,
    latest_rank = 1 as is_latest,
    period_start <= as_of and as_of <= period_end as is_running
from ranked
