-- One row per deal, by its own evidence: the highest rung with a candidate decides, a weaker one may narrow a tie, and nothing is
-- guessed. What a deal inherits from its parent is added in int_deal_outcomes.
with deals as (
    select deal_id, credit_on, channel from {{ ref('int_deals') }}
),

ladder as (
    select * from {{ ref('attribution_ladder') }} where mode = 'resolve'
),

signals as (
    select signals.*, ladder.rung, ladder.rung_order
    from {{ ref('int_deal_signals') }} as signals
    left join ladder on signals.evidence_code = ladder.evidence_code and signals.points_to = ladder.points_to
),

-- Evidence that may decide or contradict.
eligible as (
    select * from signals where status = 'eligible' and rung is not null
),

-- L10 is silent where a branch was named that was closed or that nobody knows.
blocked_from_sole_branch as (
    select distinct deal_id
    from signals
    where reason in ('BRANCH_CLOSED_AT_DATE', 'BRANCH_UNKNOWN') and is_distributor is not true
),

candidates as (
    select deal_id, rung, rung_order, branch_id, acting_partner_id, is_primary, 0 as is_partner_alone
    from eligible
    where points_to != 'partner' and branch_id is not null
    union all
    select
        eligible.deal_id, eligible.rung, eligible.rung_order, sole_branches.branch_id, eligible.acting_partner_id,
        false as is_primary, 1 as is_partner_alone
    from eligible
    inner join {{ ref('int_sole_branches') }} as sole_branches
        on
            eligible.acting_partner_id = sole_branches.partner_id
            and {{ is_within('eligible.credit_on', 'sole_branches.valid_from', 'sole_branches.valid_to') }}
    left join blocked_from_sole_branch as blocked on eligible.deal_id = blocked.deal_id
    where eligible.points_to = 'partner' and blocked.deal_id is null
),

-- Nearly all deals have one candidate branch, whichever rungs name it, and are decided with that.
spans as (
    select
        deal_id,
        min(rung_order) as rung_order,
        min(branch_id) as lowest_branch_id,
        max(branch_id) as highest_branch_id,
        min(acting_partner_id) as acting_partner_id
    from candidates
    group by deal_id
),

-- What follows is for deals with several.
candidate_branches as (
    select
        deal_id, rung_order, branch_id,
        min(rung) as rung,
        min(acting_partner_id) as acting_partner_id,
        max(case when is_primary then 1 else 0 end) as is_primary,
        min(is_partner_alone) as is_partner_alone
    from candidates
    where deal_id in (select deal_id from spans where lowest_branch_id != highest_branch_id)
    group by deal_id, rung_order, branch_id
),

deciding_rungs as (
    select deal_id, min(rung_order) as rung_order
    from candidate_branches
    group by deal_id
),

leading_branches as (
    select candidate_branches.*
    from candidate_branches
    inner join deciding_rungs
        on
            candidate_branches.deal_id = deciding_rungs.deal_id
            and candidate_branches.rung_order = deciding_rungs.rung_order
),

leader_counts as (
    select deal_id, count(*) as branch_count, sum(is_primary) as primary_count
    from leading_branches
    group by deal_id
),

leaders as (
    select leading_branches.*, leader_counts.branch_count, leader_counts.primary_count
    from leading_branches
    inner join leader_counts on leading_branches.deal_id = leader_counts.deal_id
),

-- Where one party is marked primary it leads; several primaries are tied among themselves.
tied as (
    select deal_id, rung, rung_order, branch_id, acting_partner_id, is_partner_alone
    from leaders
    where branch_count > 1 and primary_count != 1 and (primary_count = 0 or is_primary = 1)
),

-- A weaker rung that names exactly one of the tied branches breaks the tie; it can never bring in another branch.
narrowing as (
    select
        tied.deal_id,
        weaker.rung_order as narrowing_order,
        min(tied.branch_id) as branch_id
    from tied
    inner join candidate_branches as weaker
        on
            tied.deal_id = weaker.deal_id
            and tied.branch_id = weaker.branch_id
            and tied.rung_order < weaker.rung_order
    group by tied.deal_id, weaker.rung_order
    having count(*) = 1
),

tie_breakers as (
    select deal_id, branch_id
    from (
        select
            deal_id, branch_id,
            row_number() over (partition by deal_id order by narrowing_order) as strength
        from narrowing
    ) as ranked
    where strength = 1
),

rungs as (
    select distinct rung_order, rung from ladder
),

winners as (
    select spans.deal_id, rungs.rung, spans.rung_order, spans.lowest_branch_id as branch_id, spans.acting_partner_id
    from spans
    inner join rungs on spans.rung_order = rungs.rung_order
    where spans.lowest_branch_id = spans.highest_branch_id
    union all
    select leaders.deal_id, leaders.rung, leaders.rung_order, leaders.branch_id, leaders.acting_partner_id
    from leaders
    left join tie_breakers on leaders.deal_id = tie_breakers.deal_id
    where
        leaders.branch_count = 1
        or (leaders.primary_count = 1 and leaders.is_primary = 1)
        or (leaders.primary_count != 1 and leaders.branch_id = tie_breakers.branch_id)
),

unbroken_ties as (
    select
        tied.deal_id,
        min(tied.rung_order) as rung_order,
        min(tied.rung) as rung,
        count(distinct tied.acting_partner_id) as partner_count,
        max(tied.is_partner_alone) as is_partner_alone,
        min(tied.acting_partner_id) as acting_partner_id
    from tied
    left join winners on tied.deal_id = winners.deal_id
    where winners.deal_id is null
    group by tied.deal_id
),

-- What is known of the partner where nothing names an open branch: by evidence that stands, and by evidence that does not.
-- A distributor counts here, although it is never credited. Where lowest and highest are the same there is one; counting distinct
-- ones would cost more.
partner_evidence as (
    select
        deal_id,
        min(case when status = 'eligible' then acting_partner_id end) as lowest_eligible_id,
        max(case when status = 'eligible' then acting_partner_id end) as highest_eligible_id,
        min(case when status = 'eligible' and rung is not null then acting_partner_id end) as lowest_deciding_id,
        max(case when status = 'eligible' and rung is not null then acting_partner_id end) as highest_deciding_id
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
            row_number() over (partition by deal_id order by coalesce(rung_order, 99), reason) as strength
        from signals
        where reason in ('BRANCH_CLOSED_AT_DATE', 'BRANCH_UNKNOWN', 'REP_NO_ASSIGNMENT', 'REP_MULTI_BRANCH')
    ) as ranked
    where strength = 1
),

outcomes as (
    select
        deals.deal_id,
        winners.branch_id as winner_branch_id,
        winners.rung as winner_rung,
        coalesce(winners.rung_order, unbroken_ties.rung_order) as rung_order,
        unbroken_ties.rung as tied_rung,
        unbroken_ties.deal_id is not null as is_tie,
        unbroken_ties.partner_count as tied_partner_count,
        unbroken_ties.acting_partner_id as tied_partner_id,
        -- A person's decision stands against every partner that the evidence names.
        coalesce(
            winners.rung != 'L0'
            and (
                partner_evidence.lowest_deciding_id != winners.acting_partner_id
                or partner_evidence.highest_deciding_id != winners.acting_partner_id
            ),
            false
        )
        -- Nobody named a branch here: it is partners that contradict each other.
        or coalesce(unbroken_ties.partner_count > 1 and unbroken_ties.is_partner_alone = 1, false)
        or (
            winners.deal_id is null
            and unbroken_ties.deal_id is null
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
        coalesce(deals.channel, 'direct') as channel,
        case
            when partner_evidence.lowest_eligible_id = partner_evidence.highest_eligible_id
                then partner_evidence.lowest_eligible_id
        end as eligible_partner_id,
        strongest_reasons.reason as strongest_reason
    from deals
    left join winners on deals.deal_id = winners.deal_id
    left join unbroken_ties on deals.deal_id = unbroken_ties.deal_id
    left join partner_evidence on deals.deal_id = partner_evidence.deal_id
    left join weak_partner_evidence on deals.deal_id = weak_partner_evidence.deal_id
    left join strongest_reasons on deals.deal_id = strongest_reasons.deal_id
)

select
    deal_id,
    case
        when is_conflict then 'UNRESOLVED'
        when is_tie and tied_partner_count = 1 then {{ dbt.concat(["'UNKNOWN:'", "tied_partner_id"]) }}
        when is_tie then 'UNRESOLVED'
        when winner_branch_id is not null then winner_branch_id
        when known_partner_id is not null then {{ dbt.concat(["'UNKNOWN:'", "known_partner_id"]) }}
        when has_partner_evidence or channel != 'direct' then 'UNRESOLVED'
        else 'DIRECT'
    end as branch_id,
    case
        when is_conflict then 'L12'
        when is_tie and tied_partner_count = 1 then 'L11'
        when is_tie then 'L12'
        when winner_branch_id is not null then winner_rung
        when known_partner_id is not null then 'L11'
        when has_partner_evidence or channel != 'direct' then 'L12'
        else 'L13'
    end as rung,
    case
        when is_conflict then 'CONFLICT_PARTNER'
        when is_tie then 'TIE'
        when winner_branch_id is not null then null
        when known_partner_id is not null then coalesce(strongest_reason, 'BRANCH_UNKNOWN')
        when has_partner_evidence or channel != 'direct' then 'PARTNER_UNKNOWN'
    end as reason,
    -- For what may still be inherited: where the evidence stood, and which partner it is of.
    rung_order,
    tied_rung,
    strongest_reason,
    eligible_partner_id
from outcomes
