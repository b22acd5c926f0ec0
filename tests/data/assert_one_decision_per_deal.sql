-- Fails when a staged deal has no decision, or several. All other models rely on one row per deal, so a join that fans
-- out or drops rows appears here first. The guard does not check whether the decision is right.
{{ config(meta={'dagster': {'ref': {'name': 'deal_attribution'}}}) }}

with deals as (
    select deal_id from {{ ref('stg_deals') }} where not coalesce(is_deleted, false)
),

decided as (
    select deal_id, count(branch_id) as decisions from {{ ref('deal_attribution') }} group by deal_id
),

facts as (
    select deal_id, count(branch_id) as decisions from {{ ref('fct_deals') }} group by deal_id
)

select
    deals.deal_id,
    coalesce(decided.decisions, 0) as decisions,
    coalesce(facts.decisions, 0) as facts
from deals
left join decided on deals.deal_id = decided.deal_id
left join facts on deals.deal_id = facts.deal_id
where coalesce(decided.decisions, 0) != 1 or coalesce(facts.decisions, 0) != 1
