select
    months.month,
    {{ monthly_columns() }},
    months.won_amount_direct,
    months.won_amount_indirect,
    months.won_amount_unresolved,
    months.won_amount_indirect as indirect_ratio_numerator,
    cast(months.won_amount_indirect + months.won_amount_direct as {{ money_type() }}) as indirect_ratio_denominator,
    -- Unresolved money is on neither side of the ratio. It has a column of its own.
    case
        when months.won_amount_indirect + months.won_amount_direct > 0
            then cast(months.won_amount_indirect as double) / (months.won_amount_indirect + months.won_amount_direct)
    end as indirect_ratio
from {{ ref('int_monthly') }} as months
inner join {{ ref('int_scopes') }} as scopes on months.scope_key = scopes.scope_key
where scopes.organisation = 'as_was' and scopes.scope = 'company'
