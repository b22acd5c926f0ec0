-- One row per deal and month end at which it was open, with its stage and time at that stage on that day. The month end
-- before a deal came has a row, too: at the stage `new`. Each row states in how many months the deal ended.
with bands as (
    {% for age_days in var('pipeline_ages') -%}
    select {{ age_days }} as age_days, {{ loop.nextitem or not_yet() }} as next_age_days
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

months as (
    select month_end, {{ month_number('month') }} as month_number from {{ ref('int_months') }} where is_complete
),

stays as (
    select
        deals.*,
        months.month_number,
        months.month_end,
        case
            when deals.open_number > months.month_number then 'new'
            when deals.proposed_on <= months.month_end then 'proposed'
            when deals.qualified_on <= months.month_end then 'qualified'
            else 'open'
        end as stage
    from {{ ref('int_forecast_deals') }} as deals
    inner join months
        on months.month_number >= deals.open_number - 1 and months.month_number < coalesce(deals.end_number, {{ not_yet() }})
),

aged as (
    select
        *,
        case
            when stage = 'new' then 0
            else {{ days_between(
                "case stage when 'open' then open_on when 'qualified' then qualified_on else proposed_on end", 'month_end'
            ) }}
        end as days
    from stays
)

select
    aged.deal_id,
    aged.rep_id,
    aged.branch_id,
    aged.division_id,
    aged.partner_id,
    aged.is_direct,
    aged.channel,
    aged.deal_type,
    aged.amount,
    aged.month_number,
    aged.stage,
    bands.age_days,
    aged.end_number - aged.month_number as months_left,
    aged.is_won
from aged
inner join bands on aged.days >= bands.age_days and aged.days < bands.next_age_days
