select
    scopes.entity_id as partner_id,
    months.month,
    {{ monthly_columns() }}
from {{ ref('int_monthly') }} as months
inner join {{ ref('int_scopes') }} as scopes on months.scope_key = scopes.scope_key
where scopes.organisation = 'as_is' and scopes.scope = 'partner'
