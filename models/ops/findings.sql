-- What was loaded and has less meaning than it seems to have: ids that nothing in the data has, and days that only an
-- extract gives.
with named as (
    {{ named_ids() }}
),

-- A dataset that was never delivered cannot contain an id.
delivered as (
    select distinct dataset as names_dataset from {{ ref('stg_extracts') }}
),

known as (
    {{ known_ids() }}
),

looked_up as (
    select
        named.*,
        known.id is null as is_unknown
    from named
    inner join delivered on named.names_dataset = delivered.names_dataset
    left join known on named.names_dataset = known.names_dataset and named.id = known.id
),

near as (
    select known.names_dataset, {{ near_id('known.id') }} as near_id, min(known.id) as id
    from known
    inner join (select distinct names_dataset from looked_up where is_unknown) as needed
        on known.names_dataset = needed.names_dataset
    group by known.names_dataset, {{ near_id('known.id') }}
),

-- The example is an id with a near miss. If no id has one, it is the id in most rows.
examples as (
    select
        looked_up.dataset,
        looked_up.column_name,
        looked_up.names_dataset,
        looked_up.id,
        near.id as near_id,
        row_number() over (
            partition by looked_up.dataset, looked_up.column_name, looked_up.names_dataset
            order by case when near.id is null then 1 else 0 end, looked_up.row_count desc nulls last, looked_up.id nulls last
        ) as example_rank
    from looked_up
    left join near on looked_up.names_dataset = near.names_dataset and {{ near_id('looked_up.id') }} = near.near_id
    where looked_up.is_unknown
),

unknown_ids as (
    select
        'unknown_id' as finding,
        looked_up.dataset,
        looked_up.column_name,
        looked_up.names_dataset,
        sum(looked_up.row_count) as rows_checked,
        sum(case when looked_up.is_unknown then looked_up.row_count else 0 end) as rows_found,
        examples.id as example,
        examples.near_id
    from looked_up
    inner join examples
        on
            looked_up.dataset = examples.dataset
            and looked_up.column_name = examples.column_name
            and looked_up.names_dataset = examples.names_dataset
            and examples.example_rank = 1
    group by looked_up.dataset, looked_up.column_name, looked_up.names_dataset, examples.id, examples.near_id
),

deals as (
    select * from {{ ref('int_deals') }}
),

days as (
    select
        'day_of_extract' as finding,
        'deals' as dataset,
        case when status = 'won' then 'won_on' else 'closed_on' end as column_name,
        cast(null as string) as names_dataset,
        count(*) as rows_checked,
        sum(case when is_closed_on_extract then 1 else 0 end) as rows_found,
        min(case when is_closed_on_extract then deal_id end) as example,
        cast(null as string) as near_id
    from deals
    where status in ('won', 'lost')
    group by case when status = 'won' then 'won_on' else 'closed_on' end
    union all
    select
        'day_of_extract', 'deals', 'created_at', null, count(*),
        sum(case when credit_basis = 'extract' then 1 else 0 end),
        min(case when credit_basis = 'extract' then deal_id end),
        null
    from deals
),

found as (
    select * from unknown_ids
    union all
    select * from days
)

select
    finding,
    dataset,
    column_name,
    names_dataset,
    cast(rows_checked as bigint) as rows_checked,
    cast(rows_found as bigint) as rows_found,
    example,
    near_id
from found
where rows_found > 0
