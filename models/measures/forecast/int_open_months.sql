-- One row per deal and month end at which it was open, with its stage and time at that stage on that day. The month end
-- before a deal came has a row, too: at the stage `new`. Each row states in how many months the deal ended.
with months as (
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
),

banded as (
    select
        *,
        case
            {%- for age_days in var('pipeline_ages') | sort(reverse=true) %}
            when days >= {{ age_days }} then {{ age_days }}
            {%- endfor %}
        end as age_days
    from aged
)

select
    deal_id,
    rep_id,
    branch_id,
    division_id,
    partner_id,
    is_direct,
    channel,
    deal_type,
    amount,
    month_number,
    stage,
    age_days,
    end_number - month_number as months_left,
    is_won
from banded
-- Deals that are too young to have a class of age are left out. The condition repeats no class, as `age_days` would.
where days >= {{ var('pipeline_ages') | min }}
