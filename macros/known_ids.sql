{# The spelling of an id without what people and spreadsheets change in it: case, separators (also hyphens of
   Japanese keyboards), leading zeros, a decimal point. Ids with the same value here are near misses, such as 0012 and 12. They
   are never treated as one. #}
{% macro near_id(id) -%}
    {{ return(adapter.dispatch('near_id')(id)) }}
{%- endmacro %}

{% macro default__near_id(id) -%}
    regexp_replace(
        regexp_replace(regexp_replace(lower({{ id }}), '[.]0+$', ''), '[ ._/#‐-―−ーｰ-]+', '', 'g'), '(^|[^0-9])0+', '\1', 'g'
    )
{%- endmacro %}

{% macro spark__near_id(id) -%}
    regexp_replace(regexp_replace(regexp_replace(lower({{ id }}), '[.]0+$', ''), '[ ._/#‐-―−ーｰ-]+', ''), '(^|[^0-9])0+', '$1')
{%- endmacro %}

{# Every dataset and column with an id of another dataset: its rows, and the id that they name. Of complete extracts the
   latest counts. A column such as entity_type decides which dataset has the id of another column. #}
{% macro named_ids() -%}
    {%- set kinds = {'partner': 'partners', 'branch': 'branches', 'rep': 'reps'} -%}
    {%- set named = [] -%}
    {%- for dataset, is_full, columns in [
        ('deals', false, {
            'partner_id': 'partners', 'branch_id': 'branches', 'rep_id': 'reps', 'parent_deal_id': 'deals',
            'customer_id': 'customers', 'owner_staff_id': 'staff', 'product_id': 'products',
        }),
        ('deal_stage_history', false, {'deal_id': 'deals'}),
        ('deal_lines', false, {'deal_id': 'deals', 'product_id': 'products'}),
        ('deal_amount_events', false, {'deal_id': 'deals'}),
        ('deal_participants', false, {'deal_id': 'deals', 'party_id': 'party_type'}),
        ('deal_registrations', false, {
            'deal_id': 'deals', 'partner_id': 'partners', 'branch_id': 'branches', 'rep_id': 'reps',
            'customer_id': 'customers', 'product_id': 'products',
        }),
        ('attribution_overrides', false, {'deal_id': 'deals', 'branch_id': 'branches', 'rep_id': 'reps'}),
        ('worklist_results', false, {'branch_id': 'branches', 'rep_id': 'reps'}),
        ('executive_relations', false, {'partner_id': 'partners'}),
        ('staff_assignments', true, {'staff_id': 'staff', 'partner_id': 'partners', 'branch_id': 'branches'}),
        ('partners', true, {'parent_partner_id': 'partners', 'successor_partner_id': 'partners'}),
        ('branches', true, {'partner_id': 'partners'}),
        ('branch_successions', true, {'from_branch_id': 'branches', 'to_branch_id': 'branches'}),
        ('branch_territories', true, {'branch_id': 'branches'}),
        ('branch_profiles', false, {'branch_id': 'branches'}),
        ('rep_assignments', true, {'rep_id': 'reps', 'branch_id': 'branches'}),
        ('contact_points', true, {'owner_id': 'owner_type'}),
        ('aliases', true, {'entity_id': 'entity_type'}),
        ('status_history', true, {'entity_id': 'entity_type'}),
        ('activities', false, {
            'deal_id': 'deals', 'partner_id': 'partners', 'branch_id': 'branches', 'programme_id': 'programmes',
            'staff_id': 'staff',
        }),
        ('activity_attendees', false, {'activity_id': 'activities', 'rep_id': 'reps'}),
        ('inquiries', false, {'became_partner_id': 'partners'}),
        ('leads_supplied', false, {'branch_id': 'branches', 'deal_id': 'deals', 'programme_id': 'programmes'}),
        ('cases', false, {'branch_id': 'branches', 'product_id': 'products', 'solved_by_case_id': 'cases'}),
        ('case_shares', false, {'case_id': 'cases', 'to_branch_id': 'branches'}),
        ('account_plans', true, {
            'scope_id': 'scope', 'parent_plan_id': 'account_plans', 'follows_plan_id': 'account_plans',
            'owner_staff_id': 'staff',
        }),
        ('plan_goals', true, {'plan_id': 'account_plans'}),
        ('plan_actions', true, {'plan_id': 'account_plans', 'goal_id': 'plan_goals', 'activity_id': 'activities'}),
        ('targets', true, {'scope_id': 'scope'}),
        ('programme_costs', true, {'programme_id': 'programmes'}),
        ('programme_branches', true, {'programme_id': 'programmes', 'branch_id': 'branches'}),
        ('phase_history', true, {'scope_id': 'scope'}),
        ('decisions', true, {'scope_id': 'scope', 'programme_id': 'programmes'}),
    ] %}
        {%- for column, names in columns.items() %}
            {%- do named.append((dataset, is_full, column, names)) -%}
        {%- endfor %}
    {%- endfor %}
    {%- for dataset, is_full, column, names in named %}
    {%- set is_of_kinds = names.endswith('_type') or names == 'scope' %}
    {%- set stored = 'named_' ~ column if dataset == 'deals' and names in kinds.values() else column %}
    select
        '{{ dataset }}' as dataset,
        '{{ column }}' as column_name,
        {% if is_of_kinds -%}
        case {{ names }}
            {%- for kind, dataset_of_kind in kinds.items() %} when '{{ kind }}' then '{{ dataset_of_kind }}'{% endfor %} end
        {%- else -%} '{{ names }}' {%- endif %} as names_dataset,
        {{ stored }} as id,
        count(*) as row_count
    from {{ ref('int_deals') if dataset == 'deals' else ref('stg_' ~ dataset) }}
    where
        {{ stored }} is not null
        {{ 'and next_extracted_on is null' if is_full }}
        {{ "and " ~ names ~ " in ('" ~ kinds | join("', '") ~ "')" if is_of_kinds }}
    group by {{ stored }}{{ ', ' ~ names if is_of_kinds }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# Every id that rosters, deals and activities contain, by dataset. #}
{% macro known_ids() -%}
    {%- for names, relation, id in [
        ('partners', ref('dim_partner'), 'partner_id'),
        ('branches', ref('dim_branch'), 'branch_id'),
        ('reps', ref('dim_rep'), 'rep_id'),
        ('customers', ref('dim_customer'), 'customer_id'),
        ('products', ref('dim_product'), 'product_id'),
        ('deals', ref('int_deals'), 'deal_id'),
        ('activities', ref('fct_activities'), 'activity_id'),
        ('staff', ref('dim_staff'), 'staff_id'),
        ('programmes', ref('stg_programmes'), 'programme_id'),
        ('cases', ref('stg_cases'), 'case_id'),
        ('account_plans', ref('stg_account_plans'), 'plan_id'),
        ('plan_goals', ref('stg_plan_goals'), 'goal_id'),
    ] %}
    select distinct '{{ names }}' as names_dataset, {{ id }} as id from {{ relation }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
