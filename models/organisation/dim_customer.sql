with rostered as (
    {{ last_known('customers', ['customer_id']) }}
)

select customer_id, customer_name, corporate_number, prefecture, industry, employee_count
from rostered
