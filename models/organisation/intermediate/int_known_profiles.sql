-- Profiles as they were known on a day, so that nothing that was written later reaches a past score. A row counts from
-- the extract that brought it; what the source's first extract held counts from the day of the profile. A figure of the
-- company that was copied to the branch (level company) has intervals of its own.
with stated as (
    select
        *,
        coalesce(level, 'branch') = 'company' as is_inherited,
        case when is_first_extract then as_of else greatest(as_of, extracted_on) end as known_on
    from {{ ref('stg_profile_extracts') }}
),

-- A row about an earlier day than one that is known already replaces nothing.
newest as (
    select
        *,
        max(as_of) over (
            partition by branch_id, is_inherited order by known_on nulls last, as_of, extracted_on, source_name, row_number
            rows between unbounded preceding and current row
        ) as newest_as_of
    from stated
)

select
    branch_id,
    is_inherited,
    known_on as valid_from,
    coalesce(
        lead(known_on) over (
            partition by branch_id, is_inherited order by known_on nulls last, as_of, extracted_on, source_name, row_number
        ), {{ for_ever() }}
    ) as valid_to,
    as_of as profile_on,
    source,
    sales_headcount,
    customer_count,
    target_customer_overlap,
    products_carried,
    sells_competitor,
    focus_products
from newest
where as_of >= newest_as_of
