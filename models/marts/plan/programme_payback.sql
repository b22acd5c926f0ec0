-- Cost and benefit of programmes by month. payback_month is null until the programme has paid back.
select
    months.programme_id,
    programmes.programme_name,
    programmes.horizon,
    months.month,
    months.nth_month,
    months.is_complete,
    months.basis,
    months.cost,
    months.revenue,
    months.margin,
    months.benefit,
    months.cumulative_cost,
    months.cumulative_benefit,
    months.cumulative_net,
    months.roi_to_date,
    months.planned_payback_month,
    months.payback_month,
    months.is_complete and months.cumulative_cost > 0 and months.cumulative_net >= 0 as is_paid_back
from {{ ref('int_programme_months') }} as months
inner join {{ ref('int_programmes') }} as programmes on months.programme_id = programmes.programme_id
