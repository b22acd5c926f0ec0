-- Each revenue event, split among the branches of today's organisation by the largest remainder: every part is cut to the
-- minor unit, towards zero. The units left over go to the parts that lost most by the cut, among equals to the lowest branch
-- id. So the parts add up to the event exactly.
with parts as (
    select
        revenue.deal_id,
        revenue.event_id,
        revenue.event_type,
        revenue.recognized_on,
        duplicates.deal_id is null as is_counted,
        attribution.branch_id,
        successors.branch_id_current,
        successors.share,
        revenue.amount,
        cast(floor(abs(revenue.amount) * {{ minor_units() }} * successors.share + 1e-6) as bigint) as units_cut,
        abs(revenue.amount) * {{ minor_units() }} * successors.share as units_exact
    from {{ ref('int_revenue_events') }} as revenue
    inner join {{ ref('deal_attribution') }} as attribution on revenue.deal_id = attribution.deal_id
    left join {{ ref('int_duplicate_deals') }} as duplicates on revenue.deal_id = duplicates.deal_id
    left join {{ ref('int_branch_successors') }} as successors on attribution.branch_id = successors.branch_id
),

remainders as (
    select
        *,
        row_number() over (
            partition by deal_id, event_id order by round(units_exact - units_cut, 6) desc nulls last, branch_id_current
        ) as remainder_rank,
        cast(abs(amount) * {{ minor_units() }} as bigint) - sum(units_cut) over (partition by deal_id, event_id) as units_left
    from parts
)

select
    deal_id,
    event_id,
    event_type,
    recognized_on,
    is_counted,
    branch_id,
    branch_id_current,
    share,
    cast(
        cast(sign(amount) * (units_cut + case when remainder_rank <= units_left then 1 else 0 end) as decimal(28, 0))
        * {{ minor_unit() }}
        as {{ money_type() }}
    ) as amount
from remainders
