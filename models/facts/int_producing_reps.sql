{{ config(schema='intermediate') }}

-- Reps with a win in the twelve months up to a month, where it was credited. A share of the declared sales force takes those
-- whose branch declares one, or whose closed branch lives on in one that does.
with won as (
    select rep_id, branch_id, partner_id, month
    from {{ ref('rep_monthly') }}
    where deals_won > 0 and rep_id != 'NONE'
),

producing as (
    select distinct won.rep_id, won.branch_id, won.partner_id, months.month, months.month_end
    from won
    inner join {{ ref('int_months') }} as months
        on won.month <= months.month and won.month > {{ add_months('months.month', -12) }}
)

select
    producing.rep_id,
    producing.branch_id,
    producing.partner_id,
    producing.month,
    headcounts.branch_id is not null as has_headcount
from producing
inner join {{ ref('dim_branch') }} as branches on producing.branch_id = branches.branch_id
left join {{ ref('int_headcounts') }} as headcounts
    on
        producing.month = headcounts.month
        and headcounts.branch_id
        = case when branches.closed_on <= producing.month_end then branches.current_branch_id else producing.branch_id end
