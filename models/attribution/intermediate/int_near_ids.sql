-- Ids of evidence that no roster has, with the id of the roster that differs only in case, separators or leading zeros.
with known as (
    select 'branches' as names_dataset, branch_id as id from {{ ref('dim_branch') }}
    union all
    select 'partners' as names_dataset, partner_id as id from {{ ref('dim_partner') }}
    union all
    select 'reps' as names_dataset, rep_id as id from {{ ref('dim_rep') }}
),

named as (
    select distinct
        points_to,
        case points_to when 'branch' then 'branches' when 'rep' then 'reps' when 'partner' then 'partners' end as names_dataset,
        raw_value
    from {{ ref('int_deal_lookups') }}
    where matched_by = 'id' and reason in ('BRANCH_UNKNOWN', 'PARTNER_UNKNOWN')
)

select named.points_to, named.raw_value, min(known.id) as near_id
from named
left join known as same on named.names_dataset = same.names_dataset and named.raw_value = same.id
inner join known
    on
        named.names_dataset = known.names_dataset
        and {{ near_id('named.raw_value') }} = {{ near_id('known.id') }}
where same.id is null
group by named.points_to, named.raw_value
