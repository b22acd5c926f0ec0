-- What makes branches comparable: one row per branch of today, while it is open, and month. Classes of the sales force double:
-- 4 to 7, 8 to 15. A branch is new up to two years after its contract.
select
    scopes.scope_key,
    scopes.entity_id,
    months.month,
    months.is_complete,
    cast(
        cast(floor(ln(coalesce(months.headcount, months.reps_known) + 0.5) / ln(2)) as integer) as {{ dbt.type_string() }}
    ) as size_class,
    case when branches.contract_started_on > {{ add_months('months.month', -24) }} then 'new' else 'settled' end as age_class,
    coalesce(partners.partner_type, 'unknown') as partner_type,
    coalesce(areas.area, 'unknown') as area
from {{ ref('int_monthly') }} as months
inner join {{ ref('int_months') }} as calendar on months.month = calendar.month
inner join {{ ref('int_scopes') }} as scopes
    on
        months.scope_key = scopes.scope_key
        and scopes.organisation = 'as_is' and scopes.scope = 'branch' and not scopes.is_special
inner join {{ ref('dim_branch') }} as branches on scopes.entity_id = branches.branch_id
inner join {{ ref('dim_partner') }} as partners on scopes.partner_id = partners.partner_id
-- Two characters distinguish the prefectures, with or without 都, 道, 府 or 県.
left join {{ ref('areas') }} as areas on substr(branches.prefecture, 1, 2) = areas.prefecture_start
where scopes.closed_on > calendar.month_end
