-- Reps with a win in the twelve months up to a month, at the branch that was credited. A share of the declared
-- headcount uses only the reps of branches that declare one. A closed branch counts as its successor.
with won as (
    select distinct reps.rep_id, reps.branch_id, reps.branch_version_id, reps.partner_id, months.month, months.month_end
    from {{ ref('int_rep_months') }} as reps
    inner join {{ ref('int_months') }} as months
        on reps.month <= months.month and reps.month > {{ add_months('months.month', -12) }}
    where reps.deals_won > 0 and reps.rep_id != 'NONE'
)

select
    won.rep_id,
    won.branch_id,
    won.branch_version_id,
    won.partner_id,
    won.month,
    own.branch_id is not null as has_headcount,
    coalesce(own.branch_id, inherited.branch_id) is not null as has_headcount_as_is
from won
inner join {{ ref('dim_branch') }} as branches on won.branch_id = branches.branch_id
left join {{ ref('int_headcounts') }} as own
    on
        won.month = own.month
        and own.organisation = 'as_was'
        and own.branch_id
        = case when branches.closed_on <= won.month_end then branches.current_branch_id else won.branch_id end
left join {{ ref('int_headcounts') }} as inherited
    on branches.current_branch_id = inherited.branch_id and won.month = inherited.month and inherited.is_inherited
