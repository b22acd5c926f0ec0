-- One row per undecided deal and suggestion for the person who will decide. Suggestions never decide.
with deals as (
    select * from {{ ref('int_undecided_deals') }}
),

all_deals as (
    select deal_id, customer_id, status, recognized_on from {{ ref('int_deals') }}
),

outcomes as (
    select deal_id, branch_id from {{ ref('int_deal_outcomes') }}
),

branches as (
    select branch_id, partner_id, is_sentinel from {{ ref('int_branches') }}
),

branch_partners as (
    select * from {{ ref('int_branch_partners') }}
),

customers as (
    select customer_id, prefecture from {{ ref('dim_customer') }}
),

lookalikes as (
    select * from {{ ref('stg_similar_names') }}
),

-- The customer's last win before the deal. Each customer's days are read once, regardless of the number of its deals.
customer_days as (
    select won.customer_id, won.recognized_on as day, 1 as is_win, won.deal_id
    from all_deals as won
    inner join outcomes on won.deal_id = outcomes.deal_id
    inner join branches on outcomes.branch_id = branches.branch_id and not branches.is_sentinel
    where won.status = 'won' and won.recognized_on is not null
    union all
    select customer_id, credit_on as day, 0 as is_win, deal_id
    from deals
    where customer_id is not null
),

last_wins as (
    select
        deal_id,
        is_win,
        max(case when is_win = 1 then {{ dbt.concat(["cast(day as string)", "deal_id"]) }} end) over (
            partition by customer_id order by day, is_win, deal_id rows between unbounded preceding and 1 preceding
        ) as last_win
    from customer_days
),

earlier_wins as (
    select last_wins.deal_id, won.deal_id as won_deal_id, won.recognized_on, outcomes.branch_id
    from last_wins
    inner join all_deals as won on substr(last_wins.last_win, 11) = won.deal_id
    inner join outcomes on won.deal_id = outcomes.deal_id
    where last_wins.is_win = 0
),

-- Branches of the known partner whose territory contains the customer's prefecture.
territories as (
    select * from {{ ref('int_territories') }} where basis = 'territory'
),

covering_branches as (
    select deals.deal_id, territories.branch_id, territories.prefecture
    from deals
    inner join customers on deals.customer_id = customers.customer_id
    inner join branch_partners
        on
            deals.acting_partner_id = branch_partners.acting_partner_id
            and {{ is_within('deals.credit_on', 'branch_partners.valid_from', 'branch_partners.valid_to') }}
    inner join territories
        on
            branch_partners.branch_id = territories.branch_id
            and customers.prefecture = territories.prefecture
            and {{ is_within('deals.credit_on', 'territories.valid_from', 'territories.valid_to') }}
),

-- The branch that the deal's owner looks after, if there is exactly one: among the branches of the known partner, or among
-- all where the partner is not known.
coverages as (
    {{ dated_history('staff_assignments', ['staff_id', 'partner_id', 'branch_id'], []) }}
),

managed_branches as (
    select deals.deal_id, deals.owner_staff_id as staff_id, min(coverages.branch_id) as branch_id
    from deals
    inner join coverages
        on
            deals.owner_staff_id = coverages.staff_id
            and {{ is_within('deals.credit_on', 'coverages.valid_from', 'coverages.valid_to') }}
    inner join branch_partners
        on
            coverages.branch_id = branch_partners.branch_id
            and {{ is_within('deals.credit_on', 'branch_partners.valid_from', 'branch_partners.valid_to') }}
    where not deals.is_partner_known or deals.acting_partner_id = branch_partners.acting_partner_id
    group by deals.deal_id, deals.owner_staff_id
    having count(distinct coverages.branch_id) = 1
),

-- Registered names that resemble the deal's texts. Branches are suggested only for the known partner.
similar_names as (
    select deals.deal_id, lookalikes.text, lookalikes.partner_id, lookalikes.branch_id, lookalikes.score
    from deals
    inner join lookalikes on deals.partner_text = lookalikes.text
    where not deals.is_partner_known or deals.acting_partner_id = lookalikes.partner_id
    union
    select deals.deal_id, lookalikes.text, lookalikes.partner_id, lookalikes.branch_id, lookalikes.score
    from deals
    inner join lookalikes on deals.branch_text = lookalikes.text
    where deals.acting_partner_id = lookalikes.partner_id
),

suggestions as (
    select
        deal_id, {{ evidence('activity') }} as evidence_code, activity_id as raw_value, branch_id, rep_id,
        cast(null as string) as partner_id, occurred_on as claimed_on, cast(null as decimal(5, 2)) as score
    from {{ ref('int_touches_before_deals') }}
    union all
    select deal_id, {{ evidence('earlier_win') }}, won_deal_id, branch_id, null, null, recognized_on, null
    from earlier_wins
    union all
    select deal_id, {{ evidence('territory') }}, prefecture, branch_id, null, null, null, null
    from covering_branches
    union all
    select deal_id, {{ evidence('account_manager') }}, staff_id, branch_id, null, null, null, null
    from managed_branches
    union all
    select deal_id, {{ evidence('similar_name') }}, text, branch_id, null, partner_id, null, cast(score as decimal(5, 2))
    from similar_names
    union all
    select deal_id, {{ evidence('similar_name') }}, raw_value, branch_id, rep_id, partner_id, null, cast(100 as decimal(5, 2))
    from {{ ref('int_named_suggestions') }}
)

select
    suggestions.deal_id,
    suggestions.evidence_code,
    case when suggestions.branch_id is null then 'partner' else 'branch' end as points_to,
    suggestions.raw_value,
    suggestions.branch_id,
    suggestions.rep_id,
    coalesce(suggestions.partner_id, branches.partner_id) as partner_id,
    suggestions.claimed_on,
    max(suggestions.score) as score
from suggestions
left join branches on suggestions.branch_id = branches.branch_id
group by
    suggestions.deal_id, suggestions.evidence_code, suggestions.raw_value, suggestions.branch_id, suggestions.rep_id,
    suggestions.partner_id, branches.partner_id, suggestions.claimed_on
