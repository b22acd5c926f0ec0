-- Recurring money of wins per year, by today's branch and month: the annual part of each deal's lines, applied to what
-- was recognised. A line without a term is a year's money.
with parts as (
    select
        deal_id,
        sum(case when is_recurring then cast(amount as double) * 12 / coalesce(nullif(term_months, 0), 12) else cast(0 as double) end)
            as annual_amount,
        sum(cast(amount as double)) as amount
    from {{ ref('stg_deal_lines') }}
    group by deal_id
)

select
    credit.branch_id_current as branch_id,
    {{ month_of('credit.recognized_on') }} as month,
    sum({{ round_double('cast(credit.amount as double) * parts.annual_amount / parts.amount') }}) as recurring_amount
from {{ ref('current_credit') }} as credit
inner join parts on credit.deal_id = parts.deal_id
where credit.is_counted and parts.amount > 0
group by credit.branch_id_current, {{ month_of('credit.recognized_on') }}
