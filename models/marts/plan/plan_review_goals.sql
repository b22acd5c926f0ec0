-- Goals of each review. What was known at the close stays as it was; columns that end with _now are as of today.
select
    {{ dbt.concat(['reviews.plan_id', "' '", 'reviews.book']) }} as review_id,
    reviews.plan_id,
    reviews.goal_id,
    reviews.scope,
    reviews.entity_id,
    books.period_type,
    {{ fiscal_year('books.period_start') }} as fiscal_year,
    books.period_start,
    books.period_end,
    reviews.metric,
    reviews.goal_type,
    reviews.original_target,
    reviews.target,
    reviews.actual as review_actual,
    case when reviews.target != 0 then reviews.actual / reviews.target end as review_attainment,
    case when reviews.original_target != 0 then reviews.actual / reviews.original_target end as review_original_attainment,
    reviews.target_now,
    reviews.actual_now,
    reviews.actual_now - reviews.actual as corrected_now,
    case when reviews.target_now != 0 then reviews.actual_now / reviews.target_now end as attainment_now
from {{ ref('int_plan_reviews') }} as reviews
inner join {{ ref('int_plan_books') }} as books on reviews.book = books.book
