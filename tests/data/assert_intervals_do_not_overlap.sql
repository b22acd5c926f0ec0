-- Fails when an interval that joins rely on overlaps the next one of its entity, or ends before it starts: such a join
-- would fan out. Overlapping assignments in the roster are no failure, because the assignments that resolve deals are
-- derived from them.
{{ config(meta={'dagster': {'ref': {'name': 'int_rep_posts'}}}) }}

with intervals as (
    select 'int_rep_posts' as relation, rep_id as entity, valid_from, valid_to from {{ ref('int_rep_posts') }}
    union all
    select 'dim_branch_history' as relation, branch_id as entity, valid_from, valid_to from {{ ref('dim_branch_history') }}
    union all
    select 'int_partner_identity' as relation, partner_id as entity, valid_from, valid_to
    from {{ ref('int_partner_identity') }}
    union all
    select 'int_branch_partners' as relation, branch_id as entity, valid_from, valid_to from {{ ref('int_branch_partners') }}
    union all
    select 'int_sole_branches' as relation, partner_id as entity, valid_from, valid_to from {{ ref('int_sole_branches') }}
    union all
    select
        'status_spells' as relation,
        {{ dbt.concat(["entity_type", "' '", "entity_id", "' '", "basis"]) }} as entity,
        valid_from,
        coalesce(valid_to, {{ for_ever() }}) as valid_to
    from {{ ref('status_spells') }}
),

followed as (
    select
        *,
        lead(valid_from) over (partition by relation, entity order by valid_from, valid_to) as next_from
    from intervals
)

select relation, entity, valid_from, valid_to, next_from
from followed
where valid_from >= valid_to or next_from < valid_to
