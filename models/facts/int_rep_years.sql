{{ config(schema='intermediate') }}

-- What each salesperson won at a branch in the twelve months up to a month: a month stands in its own window and in those of the
-- eleven after it. NONE is whoever is not known.
select
    won.rep_id,
    won.branch_id,
    won.partner_id,
    months.month,
    months.month_end,
    sum(won.deals_won) as deals_won,
    sum(won.won_amount) as won_amount
from {{ ref('rep_monthly') }} as won
inner join {{ ref('int_months') }} as months
    on won.month <= months.month and won.month > {{ add_months('months.month', -12) }}
where won.deals_won > 0 or won.won_amount != 0
group by won.rep_id, won.branch_id, won.partner_id, months.month, months.month_end
