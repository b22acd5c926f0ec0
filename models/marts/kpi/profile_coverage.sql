-- Of how many branches in focus somebody has told, this fiscal year, the three things that a plan needs: how many sell, how they
-- are evaluated, and what they are to sell. What was told in an earlier year is not known any more.
-- noqa: disable=LT02,LT05
{% set scopes = {'company': "'ALL'", 'partner': 'partner_id', 'branch': 'branch_id'} -%}
{% set answers = {'headcount_known': 'sales_headcount', 'evaluation_known': 'evaluation_scheme', 'focus_products_known': 'focus_products'} -%}

with years as (
    select
        {{ fiscal_year('month') }} as fiscal_year,
        max(month_end) as as_of,
        sum(case when is_complete then 1 else 0 end) = 12 as is_complete
    from {{ ref('int_months') }}
    group by {{ fiscal_year('month') }}
),

told as (
    select
        branches.partner_id,
        branches.branch_id,
        years.fiscal_year,
        years.as_of,
        years.is_complete,
        {%- for known, answer in answers.items() %}
        max(case when profiles.{{ answer }} is not null then 1 else 0 end) as {{ known }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('dim_branch') }} as branches
    inner join years
        on
            coalesce(branches.opened_on, {{ since_ever() }}) <= years.as_of
            and coalesce(branches.closed_on, {{ for_ever() }}) > years.as_of
    left join {{ ref('stg_branch_profiles') }} as profiles
        on
            branches.branch_id = profiles.branch_id
            and years.fiscal_year = {{ fiscal_year('profiles.as_of') }}
            and profiles.as_of <= years.as_of
    where branches.is_focus and not branches.is_sentinel
    group by branches.partner_id, branches.branch_id, years.fiscal_year, years.as_of, years.is_complete
),

counted as (
    {% for scope, entity in scopes.items() -%}
    select
        '{{ scope }}' as scope, {{ entity }} as entity_id, fiscal_year, as_of, is_complete,
        {%- for known in answers %}
        sum({{ known }}) as {{ known }},
        {%- endfor %}
        sum({{ answers | join(' * ') }}) as complete,
        count(*) as branches
    from told
    group by {{ entity ~ ', ' if scope != 'company' }}fiscal_year, as_of, is_complete
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    scope,
    entity_id,
    fiscal_year,
    as_of,
    is_complete,
    {%- for known in answers %}
    cast({{ known }} as bigint) as {{ known }},
    {%- endfor %}
    cast(complete as bigint) as profile_coverage_numerator,
    branches as profile_coverage_denominator,
    {{ rate('complete', 'branches') }} as profile_coverage
from counted
