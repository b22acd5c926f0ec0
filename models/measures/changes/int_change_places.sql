-- Where each branch belonged according to the extracts of both days of a pair.
with pairs as (
    select pair, 'from' as side, from_step as step_number from {{ ref('int_change_pairs') }} where missing_reason is null
    union all
    select pair, 'to' as side, to_step as step_number from {{ ref('int_change_pairs') }} where missing_reason is null
)

{{ places_at_steps('pairs') }}
