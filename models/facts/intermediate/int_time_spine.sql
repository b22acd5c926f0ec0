-- The days up to today. A window of the semantic layer that ended later would lack days.
select
    date_day,
    fiscal_year,
    {{ dbt.concat(["'FY'", "cast(fiscal_year as " ~ dbt.type_string() ~ ")", "' '", 'fiscal_half']) }} as fiscal_half,
    {{ dbt.concat(["'FY'", "cast(fiscal_year as " ~ dbt.type_string() ~ ")", "' '", 'fiscal_quarter']) }} as fiscal_quarter
from {{ ref('dim_date') }}
where date_day <= (select as_of from {{ ref('int_as_of') }})
