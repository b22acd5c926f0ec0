-- Changes from one status to another: how often, and after how long, by the fiscal half of the change.
select
    entity_type,
    basis,
    status,
    next_status,
    {{ fiscal_year('valid_to') }} as fiscal_year,
    {{ fiscal_half('valid_to') }} as fiscal_half,
    count(*) as transitions,
    cast({{ median('dwell_days') }} as double) as median_dwell_days
from {{ ref('int_status_spells') }}
where next_status is not null
group by entity_type, basis, status, next_status, {{ fiscal_year('valid_to') }}, {{ fiscal_half('valid_to') }}
