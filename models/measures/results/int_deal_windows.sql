-- The changes of deals by branch. Each deal is read once, and not once for every window that contains it.
select
    branch_version_id,
    month,
    coalesce(sum(case when measure = 'won_amount' then value end), 0) as won_amount,
    coalesce(sum(case when measure = 'deals_won' then value end), 0) as deals_won,
    coalesce(sum(case when measure = 'closed' then value end), 0) as closed,
    coalesce(sum(case when measure = 'closed_won' then value end), 0) as closed_won,
    coalesce(sum(case when measure = 'cycle_deals' then value end), 0) as cycle_deals,
    coalesce(sum(case when measure = 'logged_wins' then value end), 0) as logged_wins,
    coalesce(sum(case when measure = 'self_run_wins' then value end), 0) as self_run_wins,
    coalesce(sum(case when measure = 'cohort_deals' then value end), 0) as cohort_deals,
    coalesce(sum(case when measure = 'cohort_qualified' then value end), 0) as cohort_qualified,
    coalesce(sum(case when measure = 'cohort_won' then value end), 0) as cohort_won,
    coalesce(sum(case when measure = 'open_qualified' then value end), 0) as open_qualified,
    coalesce(sum(case when measure = 'closed_year' then value end), 0) as closed_year
from {{ ref('int_deal_changes') }}
group by branch_version_id, month
