-- Attributes of branches by extract. The first extract is valid from the beginning. Opening and closing are not part of
-- it: dim_branch has their days as known today.
with reported as (
    select
        *,
        lag(extracted_on) over (partition by branch_id order by extracted_on) is null as is_first_mention
    from {{ ref('stg_branches') }}
),

starts as (
    select
        branch_id,
        partner_id,
        branch_name,
        division_id,
        division_name,
        prefecture,
        case
            when not is_first_mention then extracted_on
            when is_first_extract or opened_on is null then {{ since_ever() }}
            else least(opened_on, extracted_on)
        end as valid_from
    from reported
),

changes as (
    select
        *,
        (lag(partner_id) over versions is distinct from partner_id)
        or (lag(branch_name) over versions is distinct from branch_name)
        or (lag(division_id) over versions is distinct from division_id)
        or (lag(division_name) over versions is distinct from division_name)
        or (lag(prefecture) over versions is distinct from prefecture) as is_change
    from starts
    window versions as (partition by branch_id order by valid_from)
)

select
    branch_id,
    valid_from,
    coalesce(lead(valid_from) over (partition by branch_id order by valid_from), {{ for_ever() }}) as valid_to,
    partner_id,
    branch_name,
    division_id,
    division_name,
    prefecture,
    lead(valid_from) over (partition by branch_id order by valid_from) is null as is_current
from changes
where is_change
