-- The decision after inheritance. A renewal or upsell whose own evidence is weaker takes its parent's branch; parents are
-- decided before their children. A deal does not inherit a branch of another partner than its own evidence names. Deals
-- whose parents form a circle inherit nothing.
with recursive decisions as (
    select * from {{ ref('int_deal_decisions') }}
),

inheritance as (
    select min(rung) as rung, min(rung_order) as rung_order
    from {{ ref('attribution_ladder') }}
    where evidence_code = {{ evidence('parent_deal') }} and mode = 'resolve'
),

children as (
    select deals.deal_id, deals.parent_deal_id, deals.credit_on
    from {{ ref('int_deals') }} as deals
    inner join {{ ref('int_deals') }} as parents on deals.parent_deal_id = parents.deal_id
    where deals.deal_type in ({{ text_list(var('inheriting_deal_types')) }})
),

-- The company that acts for a parent's branch on the child's credit date. Members without a history are implicit branches or
-- special members.
members as {{ materialized() }} (
    select
        branches.branch_id,
        branches.is_sentinel,
        coalesce(branches.opened_on, {{ since_ever() }}) as opened_on,
        coalesce(branches.closed_on, {{ for_ever() }}) as closed_on,
        coalesce(partners.acting_partner_id, identity.acting_partner_id) as acting_partner_id,
        coalesce(partners.valid_from, identity.valid_from, {{ since_ever() }}) as valid_from,
        coalesce(partners.valid_to, identity.valid_to, {{ for_ever() }}) as valid_to
    from {{ ref('int_branches') }} as branches
    left join {{ ref('int_branch_partners') }} as partners on branches.branch_id = partners.branch_id
    left join {{ ref('int_partner_identity') }} as identity
        on case when partners.branch_id is null then branches.partner_id end = identity.partner_id
),

-- Branches that are tied by a deal's own evidence. If the inherited branch is one of them, it breaks the tie.
ties as {{ materialized() }} (
    select deal_id, rung_order from decisions where reason = 'TIE'
),

tied as {{ materialized() }} (
    select distinct ties.deal_id, signals.branch_id
    from (
        select deal_id, evidence_code, points_to, branch_id
        from {{ ref('int_deal_signals') }}
        where status = 'eligible' and deal_id in (select deal_id from ties)
    ) as signals
    inner join ties on signals.deal_id = ties.deal_id
    inner join {{ ref('attribution_ladder') }} as ladder
        on
            signals.evidence_code = ladder.evidence_code
            and signals.points_to = ladder.points_to
            and ties.rung_order = ladder.rung_order
    where ladder.mode = 'resolve'
),

-- Each child with everything that its decision needs, except the parent's branch.
heirs as {{ materialized() }} (
    select
        children.deal_id,
        children.parent_deal_id,
        children.credit_on,
        decisions.branch_id as own_branch_id,
        decisions.eligible_partner_id,
        coalesce(decisions.reason = 'TIE', false) as is_tied,
        case
            when decisions.is_conflict then true
            when decisions.reason = 'TIE' then decisions.rung_order > inheritance.rung_order
            else coalesce(decisions.rung_order < inheritance.rung_order, false)
        end as is_decided,
        decisions.branch_id in ('DIRECT', 'UNRESOLVED')
        and decisions.rung_order is null
        and not coalesce(decisions.is_conflict, false) as is_open_question
    from children
    inner join decisions on children.deal_id = decisions.deal_id
    cross join inheritance
    where inheritance.rung_order is not null
),

walk as (
    select
        decisions.deal_id,
        decisions.branch_id,
        cast(null as string) as parent_branch_id,
        cast(null as string) as parent_partner_id,
        cast(null as string) as parent_reason,
        false as is_inherited,
        0 as generation
    from decisions
    where
        decisions.deal_id in (select parent_deal_id from heirs)
        and not exists (select 1 from heirs where heirs.deal_id = decisions.deal_id)
    union all
    select
        offers.deal_id,
        case
            when offers.is_inherited then offers.parent_branch_id
            when offers.is_open_question and offers.parent_partner_id is not null
                then {{ unknown_branch_of('offers.parent_partner_id') }}
            when offers.is_open_question and offers.parent_reason is not null then 'UNRESOLVED'
            else offers.own_branch_id
        end as branch_id,
        offers.parent_branch_id,
        offers.parent_partner_id,
        offers.parent_reason,
        offers.is_inherited,
        offers.generation
    from (
        select
            heirs.deal_id,
            heirs.own_branch_id,
            heirs.is_open_question,
            walk.branch_id as parent_branch_id,
            members.acting_partner_id as parent_partner_id,
            walk.generation + 1 as generation,
            case
                when walk.branch_id = 'DIRECT' then null
                when walk.branch_id = 'UNRESOLVED' then 'PARTNER_UNKNOWN'
                when members.is_sentinel then 'BRANCH_UNKNOWN'
                when not ({{ is_within('heirs.credit_on', 'members.opened_on', 'members.closed_on') }})
                    then 'BRANCH_CLOSED_AT_DATE'
            end as parent_reason,
            not heirs.is_decided
            and not (heirs.is_tied and tied.branch_id is null)
            and coalesce(not members.is_sentinel, false)
            and {{ is_within('heirs.credit_on', 'members.opened_on', 'members.closed_on') }}
            and coalesce(heirs.eligible_partner_id, members.acting_partner_id) = members.acting_partner_id as is_inherited
        from walk
        inner join heirs on walk.deal_id = heirs.parent_deal_id
        left join members
            on
                walk.branch_id = members.branch_id
                and {{ is_within('heirs.credit_on', 'members.valid_from', 'members.valid_to') }}
        left join tied on heirs.deal_id = tied.deal_id and walk.branch_id = tied.branch_id
    ) as offers
)

select
    decisions.deal_id,
    coalesce(walk.branch_id, decisions.branch_id) as branch_id,
    case
        when walk.is_inherited then coalesce(decisions.tied_rung, inheritance.rung)
        when walk.branch_id = decisions.branch_id then decisions.rung
        when walk.branch_id is not null then {{ rung_of_member('walk.branch_id') }}
        else decisions.rung
    end as rung,
    case
        when walk.is_inherited then null
        when
            walk.branch_id != decisions.branch_id
            -- Only the partner is known. The parent's reason is more precise than the deal's own, that no branch was named.
            or (
                decisions.reason = 'BRANCH_UNKNOWN'
                and decisions.strongest_reason is null
                and decisions.branch_id = {{ unknown_branch_of('walk.parent_partner_id') }}
            )
            then coalesce(walk.parent_reason, decisions.reason)
        else decisions.reason
    end as reason,
    walk.parent_branch_id,
    walk.parent_partner_id,
    walk.parent_reason,
    coalesce(decisions.eligible_partner_id != walk.parent_partner_id, false) as is_parent_of_other_partner
from decisions
cross join inheritance
left join walk on decisions.deal_id = walk.deal_id and walk.generation > 0
