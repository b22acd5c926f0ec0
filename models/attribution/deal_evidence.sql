-- Every signal of a deal, compared with the decision.
with decided_partners as (
    select
        decisions.deal_id,
        decisions.branch_id,
        decisions.rung,
        branches.is_sentinel,
        coalesce(identity.acting_partner_id, branches.partner_id) as acting_partner_id
    from {{ ref('int_deal_outcomes') }} as decisions
    inner join {{ ref('int_deals') }} as deals on decisions.deal_id = deals.deal_id
    left join {{ ref('int_branches') }} as branches on decisions.branch_id = branches.branch_id
    left join {{ ref('int_branch_history') }} as versions
        on
            decisions.branch_id = versions.branch_id
            and {{ is_within('deals.credit_on', 'versions.valid_from', 'versions.valid_to') }}
    left join {{ ref('int_partner_identity') }} as identity
        on
            coalesce(versions.partner_id, branches.partner_id) = identity.partner_id
            and {{ is_within('deals.credit_on', 'identity.valid_from', 'identity.valid_to') }}
),

-- The signal of the parent deal, whether or not the deal inherited the parent's branch.
inherited as (
    select
        outcomes.deal_id,
        {{ evidence('parent_deal') }} as evidence_code,
        'branch' as points_to,
        deals.parent_deal_id as raw_value,
        case when not branches.is_sentinel then outcomes.parent_branch_id end as branch_id,
        outcomes.parent_partner_id as partner_id,
        outcomes.parent_partner_id as acting_partner_id,
        deals.created_on as claimed_on,
        case
            when outcomes.parent_reason is not null then 'ineligible'
            when outcomes.is_parent_of_other_partner then 'contradicting'
            else 'eligible'
        end as status,
        -- The deal's own evidence of its partner is stronger than a parent of another partner.
        coalesce(outcomes.parent_reason, case when outcomes.is_parent_of_other_partner then 'OTHER_PARTNER' end) as reason
    from {{ ref('int_deal_outcomes') }} as outcomes
    inner join {{ ref('int_deals') }} as deals on outcomes.deal_id = deals.deal_id
    inner join {{ ref('int_branches') }} as branches on outcomes.parent_branch_id = branches.branch_id
    where outcomes.parent_branch_id != 'DIRECT'
),

-- A rep whom a person named without a branch. A direct deal has no rep of a partner.
named as (
    select
        overrides.deal_id,
        overrides.rep_id as raw_value,
        reps.rep_id,
        coalesce(overrides.decided_on, overrides.extracted_on) as claimed_on,
        case when reps.rep_id is not null and outcomes.branch_id != 'DIRECT' then 'supporting' else 'ineligible' end as status,
        case when reps.rep_id is null then 'REP_UNKNOWN' when outcomes.branch_id = 'DIRECT' then 'DIRECT_DEAL' end as reason
    from {{ ref('stg_attribution_overrides') }} as overrides
    inner join {{ ref('int_deal_outcomes') }} as outcomes on overrides.deal_id = outcomes.deal_id
    left join {{ ref('dim_rep') }} as reps on overrides.rep_id = reps.rep_id and not reps.is_sentinel
    where overrides.branch_id is null and overrides.rep_id is not null
),

signals as (
    select
        deal_id, evidence_code, points_to, raw_value, matched_by, branch_id, rep_id, partner_id, acting_partner_id, role,
        is_primary, is_distributor, registration_id, claimed_on, cast(null as decimal(5, 2)) as score, status, reason
    from {{ ref('int_deal_signals') }}
    union all
    select
        deal_id, evidence_code, points_to, raw_value, null, branch_id, null, partner_id, acting_partner_id, null,
        false, false, null, claimed_on, null, status, reason
    from inherited
    union all
    select
        deal_id, evidence_code, points_to, raw_value, null, branch_id, rep_id, partner_id, null as acting_partner_id, null,
        false, false, null, claimed_on, score, 'candidate', null
    from {{ ref('int_deal_suggestions') }}
    union all
    select
        deal_id, {{ evidence('person') }}, 'rep', raw_value, 'id', null, rep_id, null, null, null,
        false, false, null, claimed_on, null, status, reason
    from named
)

select
    signals.deal_id,
    signals.evidence_code,
    signals.points_to,
    signals.raw_value,
    signals.matched_by,
    signals.branch_id,
    signals.rep_id,
    signals.partner_id,
    signals.role,
    signals.is_primary,
    signals.is_distributor,
    signals.registration_id,
    signals.claimed_on,
    signals.score,
    ladder.rung,
    ladder.rung_order,
    case
        when ladder.mode = 'off' then 'ineligible'
        when signals.status in ('ineligible', 'contradicting', 'candidate', 'supporting') then signals.status
        when signals.status = 'influence' then 'ineligible'
        when (ladder.mode is distinct from 'resolve') then 'candidate'
        when signals.branch_id = decided_partners.branch_id then 'supporting'
        when
            (signals.branch_id is null or decided_partners.is_sentinel)
            and signals.acting_partner_id = decided_partners.acting_partner_id
            then 'supporting'
        else 'contradicting'
    end as status,
    case
        when ladder.mode = 'off' then 'SWITCHED_OFF'
        when signals.status = 'influence' then 'INFLUENCE'
        else signals.reason
    end as reason
from signals
left join {{ ref('attribution_ladder') }} as ladder
    on signals.evidence_code = ladder.evidence_code and signals.points_to = ladder.points_to
left join decided_partners on signals.deal_id = decided_partners.deal_id
