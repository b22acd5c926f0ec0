-- One row per deal for which evidence names a branch: the branch that leads, or the tie of several. The highest rung with a
-- candidate decides. A weaker rung may break a tie. Nothing is guessed.
with ladder as (
    select * from {{ ref('attribution_ladder') }} where mode = 'resolve'
),

sole_branches as (
    select * from {{ ref('int_sole_branches') }}
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

-- L10 does not apply where a closed or unknown branch was named.
blocked_from_sole_branch as (
    select distinct deal_id
    from signals
    where reason in ('BRANCH_CLOSED_AT_DATE', 'BRANCH_UNKNOWN') and is_distributor is not true
),

-- Partners whom the deal calls its seller, and partners of a deal with another distributor. Their type does not count.
sold_by_distributors as (
    select distinct sellers.deal_id, sellers.acting_partner_id
    from signals as sellers
    left join (select distinct deal_id from signals where is_distributor) as two_tier_deals
        on sellers.deal_id = two_tier_deals.deal_id
    where
        sellers.status = 'eligible'
        and sellers.is_distributor is not true
        and (two_tier_deals.deal_id is not null or {{ is_selling_role('sellers.role') }})
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
    inner join sole_branches
        on
            eligible.acting_partner_id = sole_branches.partner_id
            and {{ is_within('eligible.credit_on', 'sole_branches.valid_from', 'sole_branches.valid_to') }}
    left join blocked_from_sole_branch as blocked on eligible.deal_id = blocked.deal_id
    left join sold_by_distributors as sold
        on eligible.deal_id = sold.deal_id and eligible.acting_partner_id = sold.acting_partner_id
    where
        eligible.points_to = 'partner'
        and blocked.deal_id is null
        and (sole_branches.is_of_distributor is not true or sold.deal_id is not null or not {{ is_reseller_credited() }})
),

-- Nearly all deals have one candidate branch, on one or several rungs. This step decides them.
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

-- The steps from here on are for deals with several candidate branches.
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

-- If one party is marked as primary, it leads. Several primary parties are tied among themselves.
tied as (
    select deal_id, rung, rung_order, branch_id, acting_partner_id, is_partner_alone
    from leaders
    where branch_count > 1 and primary_count != 1 and (primary_count = 0 or is_primary = 1)
),

-- A weaker rung that names exactly one of the tied branches breaks the tie. It can never add another branch.
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
)

select
    deal_id, rung, rung_order, branch_id, acting_partner_id,
    false as is_tie,
    cast(1 as bigint) as tied_partner_count,
    false as is_tie_of_partners
from winners
union all
select
    deal_id, rung, rung_order,
    null as branch_id,
    acting_partner_id,
    true as is_tie,
    partner_count as tied_partner_count,
    -- No branch was named here: it is a conflict of partners.
    partner_count > 1 and is_partner_alone = 1 as is_tie_of_partners
from unbroken_ties
