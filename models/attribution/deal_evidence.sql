-- Every signal beside the decision it led to.
with decided_partners as (
    select
        decisions.deal_id,
        decisions.branch_id,
        decisions.rung,
        branches.is_sentinel,
        coalesce(identity.acting_partner_id, branches.partner_id) as acting_partner_id
    from {{ ref('int_deal_decisions') }} as decisions
    inner join {{ ref('int_deals') }} as deals on decisions.deal_id = deals.deal_id
    left join {{ ref('int_branches') }} as branches on decisions.branch_id = branches.branch_id
    left join {{ ref('dim_branch_history') }} as versions
        on
            decisions.branch_id = versions.branch_id
            and {{ is_within('deals.credit_on', 'versions.valid_from', 'versions.valid_to') }}
    left join {{ ref('int_partner_identity') }} as identity
        on
            coalesce(versions.partner_id, branches.partner_id) = identity.partner_id
            and {{ is_within('deals.credit_on', 'identity.valid_from', 'identity.valid_to') }}
)

select
    signals.deal_id,
    signals.evidence_code,
    signals.points_to,
    signals.raw_value,
    signals.branch_id,
    signals.rep_id,
    signals.partner_id,
    signals.role,
    signals.is_primary,
    signals.is_distributor,
    signals.registration_id,
    signals.claimed_on,
    ladder.rung,
    ladder.rung_order,
    case
        when signals.status in ('ineligible', 'contradicting') then signals.status
        when signals.status = 'influence' then 'ineligible'
        when (ladder.mode is distinct from 'resolve') then 'candidate'
        when signals.branch_id = decided_partners.branch_id then 'supporting'
        when
            (signals.branch_id is null or decided_partners.is_sentinel)
            and signals.acting_partner_id = decided_partners.acting_partner_id
            then 'supporting'
        else 'contradicting'
    end as status,
    coalesce(signals.reason, case when signals.status = 'influence' then 'INFLUENCE' end) as reason
from {{ ref('int_deal_signals') }} as signals
left join {{ ref('attribution_ladder') }} as ladder
    on signals.evidence_code = ladder.evidence_code and signals.points_to = ladder.points_to
left join decided_partners on signals.deal_id = decided_partners.deal_id
