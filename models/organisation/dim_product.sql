with rostered as (
    {{ last_known('products', ['product_id']) }}
)

select product_id, product_name, product_family, coalesce(is_service, false) as is_service
from rostered
