{{ config(schema='intermediate') }}

-- Reps with a new deal or a referral in the active_window_months up to a month, at the branch that was credited.
select distinct reps.rep_id, reps.branch_id, reps.partner_id, months.month
from {{ ref('rep_monthly') }} as reps
inner join {{ ref('int_months') }} as months
    on reps.month <= months.month and reps.month > {{ add_months('months.month', -var('active_window_months')) }}
where (reps.deals_new > 0 or reps.referrals > 0) and reps.rep_id != 'NONE'
