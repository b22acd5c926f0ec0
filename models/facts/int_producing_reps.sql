{{ config(schema='intermediate') }}

-- Reps with a win in the twelve months up to a month, where it was credited. A share of the declared sales force takes those
-- whose branch declares one, or whose closed branch lives on in one that does.
select
    producing.rep_id,
    producing.branch_id,
    producing.partner_id,
    producing.month,
    headcounts.branch_id is not null as has_headcount
from {{ ref('int_rep_years') }} as producing
inner join {{ ref('dim_branch') }} as branches on producing.branch_id = branches.branch_id
left join {{ ref('int_headcounts') }} as headcounts
    on
        producing.month = headcounts.month
        and headcounts.branch_id
        = case when branches.closed_on <= producing.month_end then branches.current_branch_id else producing.branch_id end
where producing.deals_won > 0 and producing.rep_id != 'NONE'
