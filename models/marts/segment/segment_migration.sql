-- Both halves of a pair, and the earlier one also by the definition (version and cut lines) of the later one. A branch whose
-- earlier segment differs by definition alone has not moved.
with pairs as (
    select
        coalesce(later.period_start, earlier.next_start) as period_start,
        coalesce(earlier.period_start, later.previous_start) as previous_start,
        coalesce(earlier.segment, 'not_open') as from_segment,
        coalesce(earlier.segment_next_definition, 'not_open') as from_redefined,
        coalesce(later.segment, 'not_open') as to_segment,
        coalesce(earlier.won_amount_t12m, 0) as won_amount_before,
        coalesce(later.won_amount_t12m, 0) as won_amount
    from (select * from {{ ref('int_segments') }} where next_start is not null) as earlier
    full outer join (select * from {{ ref('int_segments') }} where previous_start is not null) as later
        on earlier.branch_id = later.branch_id and earlier.next_start = later.period_start
)

select
    halves.fiscal_year,
    halves.fiscal_half,
    pairs.period_start,
    pairs.previous_start,
    halves.is_over,
    pairs.from_segment,
    pairs.from_redefined,
    pairs.to_segment,
    pairs.from_segment != pairs.from_redefined as is_redefined,
    pairs.from_redefined != pairs.to_segment as is_moved,
    count(*) as branches,
    cast(sum(pairs.won_amount_before) as {{ money_type() }}) as won_amount_before,
    cast(sum(pairs.won_amount) as {{ money_type() }}) as amount
from pairs
inner join {{ ref('int_halves') }} as halves on pairs.period_start = halves.period_start
group by
    halves.fiscal_year, halves.fiscal_half, pairs.period_start, pairs.previous_start, halves.is_over,
    pairs.from_segment, pairs.from_redefined, pairs.to_segment
