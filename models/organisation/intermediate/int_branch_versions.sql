-- One row per branch and version, including special members, each with a division. The versions of a branch cover all
-- days, so a join on the branch and a day gives exactly one row. Before its first version, a branch has the attributes
-- of the first.
with all_versions as (
    select
        branch_id, valid_from, valid_to, partner_id, branch_name, division_id, division_name, prefecture, is_current,
        lag(valid_from) over (partition by branch_id order by valid_from) is null as is_first,
        false as is_sentinel
    from {{ ref('int_branch_history') }}
    union all
    -- No roster contains a special member or an implicit branch, so each has one version.
    select
        branches.branch_id,
        {{ since_ever() }} as valid_from,
        {{ for_ever() }} as valid_to,
        branches.partner_id,
        branches.branch_name,
        branches.division_id,
        branches.division_name,
        branches.prefecture,
        true as is_current,
        true as is_first,
        branches.is_sentinel
    from {{ ref('int_branches') }} as branches
    left join (select distinct branch_id from {{ ref('int_branch_history') }}) as listed on branches.branch_id = listed.branch_id
    where listed.branch_id is null
),

divided_partners as (
    select distinct partner_id from {{ ref('int_branch_history') }} where division_id is not null
)

select
    cast(row_number() over (order by versions.branch_id, versions.valid_from) as integer) as branch_version_id,
    versions.branch_id,
    versions.valid_from,
    versions.valid_to,
    case when versions.is_first then {{ since_ever() }} else versions.valid_from end as covers_from,
    versions.partner_id,
    versions.branch_name,
    -- A partner without divisions has one implicit division. The unknown branch of a partner with divisions is in none of them.
    case
        when versions.division_id is not null then versions.division_id
        when versions.partner_id in ('DIRECT', 'UNRESOLVED') then versions.partner_id
        when versions.is_sentinel and divided.partner_id is not null then {{ dbt.concat(["'UNKNOWN:'", "versions.partner_id"]) }}
        else {{ dbt.concat(["'IMPLICIT:'", "versions.partner_id"]) }}
    end as division_id,
    case
        when versions.division_name is not null then versions.division_name
        when versions.division_id is not null then versions.division_id
        when versions.partner_id in ('DIRECT', 'UNRESOLVED') then versions.branch_name
        when versions.is_sentinel and divided.partner_id is not null then versions.branch_name
        else partners.partner_name
    end as division_name,
    versions.prefecture,
    versions.is_current
from all_versions as versions
left join divided_partners as divided on versions.partner_id = divided.partner_id
left join {{ ref('int_partners') }} as partners on versions.partner_id = partners.partner_id
