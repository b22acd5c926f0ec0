-- Wins of each rep for an entity in the twelve months up to a month: a month counts in its own window and in the
-- windows of the next eleven months.
select
    won.scope_key,
    won.rep_id,
    months.month,
    sum(won.deals_won) as deals_won,
    sum(won.won_amount) as won_amount
from {{ ref('int_scope_rep_months') }} as won
inner join {{ ref('int_months') }} as months
    on won.month <= months.month and won.month > {{ add_months('months.month', -12) }}
where won.deals_won > 0 or won.won_amount != 0
group by won.scope_key, won.rep_id, months.month
