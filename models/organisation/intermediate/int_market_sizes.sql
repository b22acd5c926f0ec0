-- The latest number of establishments of each prefecture.
with ranked as (
    select
        sizes.prefecture, sizes.as_of, sizes.establishments, sizes.source,
        row_number() over (partition by sizes.prefecture order by sizes.as_of desc) as recency
    from {{ ref('stg_market_sizes') }} as sizes
    cross join {{ ref('int_as_of') }} as today
    where sizes.as_of <= today.as_of
)

select prefecture, as_of, establishments, source
from ranked
where recency = 1
