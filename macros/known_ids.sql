{# The spelling of an id without what people and spreadsheets change in it: case, separators (also hyphens of
   Japanese keyboards), leading zeros, a decimal point. Ids with the same value here are near misses, such as 0012 and 12. They are never treated as one. #}
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
   latest counts. #}
{% macro named_ids() -%}
    {%- set deals = ref('int_deals') -%}
    {%- set latest = 'next_extracted_on is null' -%}
    {%- for dataset, relation, column, stored, names, condition in [
        ('deals', deals, 'partner_id', 'named_partner_id', 'partners', none),
        ('deals', deals, 'branch_id', 'named_branch_id', 'branches', none),
        ('deals', deals, 'rep_id', 'named_rep_id', 'reps', none),
        ('deals', deals, 'parent_deal_id', 'parent_deal_id', 'deals', none),
        ('deals', deals, 'customer_id', 'customer_id', 'customers', none),
        ('deal_stage_history', ref('stg_deal_stage_history'), 'deal_id', 'deal_id', 'deals', none),
        ('deal_lines', ref('stg_deal_lines'), 'deal_id', 'deal_id', 'deals', none),
        ('deal_lines', ref('stg_deal_lines'), 'product_id', 'product_id', 'products', none),
        ('deal_amount_events', ref('stg_deal_amount_events'), 'deal_id', 'deal_id', 'deals', none),
        ('deal_participants', ref('stg_deal_participants'), 'deal_id', 'deal_id', 'deals', none),
        ('deal_registrations', ref('stg_deal_registrations'), 'deal_id', 'deal_id', 'deals', none),
        ('deal_registrations', ref('stg_deal_registrations'), 'partner_id', 'partner_id', 'partners', none),
        ('deal_registrations', ref('stg_deal_registrations'), 'branch_id', 'branch_id', 'branches', none),
        ('deal_registrations', ref('stg_deal_registrations'), 'rep_id', 'rep_id', 'reps', none),
        ('attribution_overrides', ref('stg_attribution_overrides'), 'deal_id', 'deal_id', 'deals', none),
        ('activities', ref('stg_activities'), 'deal_id', 'deal_id', 'deals', none),
        ('activities', ref('stg_activities'), 'partner_id', 'partner_id', 'partners', none),
        ('activities', ref('stg_activities'), 'branch_id', 'branch_id', 'branches', none),
        ('activity_attendees', ref('stg_activity_attendees'), 'activity_id', 'activity_id', 'activities', none),
        ('activity_attendees', ref('stg_activity_attendees'), 'rep_id', 'rep_id', 'reps', none),
        ('leads_supplied', ref('stg_leads_supplied'), 'branch_id', 'branch_id', 'branches', none),
        ('leads_supplied', ref('stg_leads_supplied'), 'deal_id', 'deal_id', 'deals', none),
        ('branch_profiles', ref('stg_branch_profiles'), 'branch_id', 'branch_id', 'branches', none),
        ('branches', ref('stg_branches'), 'partner_id', 'partner_id', 'partners', latest),
        ('rep_assignments', ref('stg_rep_assignments'), 'rep_id', 'rep_id', 'reps', latest),
        ('rep_assignments', ref('stg_rep_assignments'), 'branch_id', 'branch_id', 'branches', latest),
    ] %}
    select
        '{{ dataset }}' as dataset,
        '{{ column }}' as column_name,
        '{{ names }}' as names_dataset,
        {{ stored }} as id,
        count(*) as row_count
    from {{ relation }}
    where {{ stored }} is not null{{ ' and ' ~ condition if condition }}
    group by {{ stored }}
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
    ] %}
    select '{{ names }}' as names_dataset, {{ id }} as id from {{ relation }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
