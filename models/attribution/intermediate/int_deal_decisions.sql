-- One row per deal, decided by its own evidence: the branch that leads, or else what is known of the partner.
-- int_deal_outcomes adds what a deal inherits from its parent.
with deals as (
    select deal_id, credit_on, channel from {{ ref('int_deals') }}
),

ladder as (
    select * from {{ ref('attribution_ladder') }} where mode = 'resolve'
),

leading_branches as (
    select * from {{ ref('int_leading_branches') }}
),

signals as (
    select signals.*, ladder.rung, ladder.rung_order
    from {{ ref('int_deal_signals') }} as signals
    left join ladder on signals.evidence_code = ladder.evidence_code and signals.points_to = ladder.points_to
),

-- The partner of a deal for which no evidence names an open branch: here by eligible evidence, in weak_partner_evidence by
-- evidence that may not decide. A distributor counts here, although it is not credited. If the lowest and the highest id are
-- equal, there is one partner; counting distinct ones would cost more.
partner_evidence as (
    select
        deal_id,
        min(case when status = 'eligible' then acting_partner_id end) as lowest_eligible_id,
        max(case when status = 'eligible' then acting_partner_id end) as highest_eligible_id,
        min(case when status = 'eligible' and rung is not null then acting_partner_id end) as lowest_deciding_id,
        max(case when status = 'eligible' and rung is not null then acting_partner_id end) as highest_deciding_id,
        -- The name of several partners.
        max(case when reason = 'CONFLICT_PARTNER' then 1 else 0 end) = 1 as is_name_shared
    from signals
    where
        coalesce(reason, '') not in ('REGISTRATION_NOT_APPROVED', 'REGISTRATION_EXPIRED')
        and (status in ('eligible', 'ineligible') or is_distributor)
    group by deal_id
),

weak_partner_evidence as (
    select
        deal_id,
        min(case when status = 'ineligible' then acting_partner_id end) as lowest_ineligible_id,
        max(case when status = 'ineligible' then acting_partner_id end) as highest_ineligible_id,
        min(case when status = 'influence' then acting_partner_id end) as lowest_distributor_id,
        max(case when status = 'influence' then acting_partner_id end) as highest_distributor_id
    from signals
    where
        coalesce(reason, '') not in ('REGISTRATION_NOT_APPROVED', 'REGISTRATION_EXPIRED')
        and (status = 'ineligible' or (status = 'influence' and is_distributor))
    group by deal_id
),

strongest_reasons as (
    select deal_id, reason
    from (
        select
            deal_id,
            reason,
            row_number() over (partition by deal_id order by rung_order nulls last, reason) as strength
        from signals
        where reason in ('BRANCH_CLOSED_AT_DATE', 'BRANCH_UNKNOWN', 'REP_NO_ASSIGNMENT', 'REP_MULTI_BRANCH', 'REP_UNKNOWN')
    ) as ranked
    where strength = 1
),

outcomes as (
    select
        deals.deal_id,
        leading_branches.branch_id as leading_branch_id,
        leading_branches.rung as leading_rung,
        leading_branches.rung_order,
        coalesce(leading_branches.is_tie, false) as is_tie,
        leading_branches.tied_partner_count,
        case when leading_branches.is_tie then leading_branches.acting_partner_id end as tied_partner_id,
        -- A person's decision conflicts with no partner that the evidence names.
        coalesce(
            not leading_branches.is_tie
            and leading_branches.rung != {{ rung_of_a_person() }}
            and (
                partner_evidence.lowest_deciding_id != leading_branches.acting_partner_id
                or partner_evidence.highest_deciding_id != leading_branches.acting_partner_id
            ),
            false
        )
        or coalesce(leading_branches.is_tie_of_partners, false)
        or (
            leading_branches.deal_id is null
            and coalesce(partner_evidence.lowest_eligible_id != partner_evidence.highest_eligible_id, false)
        ) as is_conflict,
        case
            when partner_evidence.lowest_eligible_id = partner_evidence.highest_eligible_id
                then partner_evidence.lowest_eligible_id
            when weak_partner_evidence.lowest_distributor_id = weak_partner_evidence.highest_distributor_id
                then weak_partner_evidence.lowest_distributor_id
            when weak_partner_evidence.lowest_ineligible_id = weak_partner_evidence.highest_ineligible_id
                then weak_partner_evidence.lowest_ineligible_id
        end as known_partner_id,
        partner_evidence.deal_id is not null as has_partner_evidence,
        -- Partners of the roster, but several of them, and none may decide.
        coalesce(weak_partner_evidence.lowest_distributor_id, weak_partner_evidence.lowest_ineligible_id) is not null
        or coalesce(partner_evidence.is_name_shared, false) as has_known_partners,
        coalesce(deals.channel, 'direct') as channel,
        case
            when partner_evidence.lowest_eligible_id = partner_evidence.highest_eligible_id
                then partner_evidence.lowest_eligible_id
        end as eligible_partner_id,
        strongest_reasons.reason as strongest_reason
    from deals
    left join leading_branches on deals.deal_id = leading_branches.deal_id
    left join partner_evidence on deals.deal_id = partner_evidence.deal_id
    left join weak_partner_evidence on deals.deal_id = weak_partner_evidence.deal_id
    left join strongest_reasons on deals.deal_id = strongest_reasons.deal_id
),

decided as (
    select
        *,
        leading_branch_id is not null and not is_conflict as is_by_branch,
        case
            when is_conflict then 'UNRESOLVED'
            when is_tie and tied_partner_count = 1 then {{ unknown_branch_of('tied_partner_id') }}
            when is_tie then 'UNRESOLVED'
            when leading_branch_id is not null then leading_branch_id
            when known_partner_id is not null then {{ unknown_branch_of('known_partner_id') }}
            when has_partner_evidence or channel != 'direct' then 'UNRESOLVED'
            else 'DIRECT'
        end as branch_id
    from outcomes
)

select
    deal_id,
    branch_id,
    case when is_by_branch then leading_rung else {{ rung_of_member('branch_id') }} end as rung,
    case
        when is_conflict then 'CONFLICT_PARTNER'
        when is_tie then 'TIE'
        when is_by_branch then null
        when known_partner_id is not null then coalesce(strongest_reason, 'BRANCH_UNKNOWN')
        when has_known_partners then 'CONFLICT_PARTNER'
        when has_partner_evidence or channel != 'direct' then 'PARTNER_UNKNOWN'
    end as reason,
    -- Inheritance needs to know whether eligible evidence contradicts itself, on which rung it is, and which partner it names.
    is_conflict,
    rung_order,
    case when is_tie then leading_rung end as tied_rung,
    strongest_reason,
    eligible_partner_id
from decided
