-- Where each branch belonged at the close of each period, according to the extracts that count for it.
with books as (
    select book as pair, 'close' as side, step_number from {{ ref('int_plan_books') }} where book != 'today'
)

{{ places_at_steps('books') }}
