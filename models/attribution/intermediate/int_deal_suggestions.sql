-- Hints for the person who will decide, for deals that evidence left without a branch. None of them ever decides.
{% set months_back = var('contact_window_days') // 28 + 1 -%}

with deals as (
    select
        deals.deal_id, deals.credit_on, deals.customer_id, deals.owner_staff_id, deals.partner_text, deals.branch_text,
        branches.partner_id as known_partner_id,
        coalesce(identity.acting_partner_id, branches.partner_id) as acting_partner_id
    from {{ ref('int_deals') }} as deals
    inner join {{ ref('int_deal_outcomes') }} as outcomes on deals.deal_id = outcomes.deal_id
    inner join {{ ref('int_branches') }} as branches on outcomes.branch_id = branches.branch_id
    left join {{ ref('int_partner_identity') }} as identity
        on
            branches.partner_id = identity.partner_id
            and {{ is_within('deals.credit_on', 'identity.valid_from', 'identity.valid_to') }}
    where branches.is_sentinel
),

branch_partners as (
    select * from {{ ref('int_branch_partners') }}
),

touches as (
    select activity_id, deal_id, rep_id, branch_id, occurred_on
    from {{ ref('int_attendance') }}
    where is_attended and branch_id is not null
),

-- E12, by the activity's own word: it names the deal.
touches_of_deals as (
    select deals.deal_id, touches.activity_id, touches.rep_id, touches.branch_id, touches.occurred_on
    from deals
    inner join touches on deals.deal_id = touches.deal_id
    where touches.occurred_on <= deals.credit_on
),

-- E12, by time: reps of the known partner shortly before the deal. Joined by month first, so that a partner's whole history is
-- not compared with each of its deals.
days_of_touch as (
    select
        touches.branch_id,
        branch_partners.acting_partner_id,
        {{ month_of('touches.occurred_on') }} as occurred_month,
        touches.occurred_on,
        min(touches.activity_id) as activity_id
    from touches
    inner join branch_partners
        on
            touches.branch_id = branch_partners.branch_id
            and {{ is_within('touches.occurred_on', 'branch_partners.valid_from', 'branch_partners.valid_to') }}
    group by touches.branch_id, branch_partners.acting_partner_id, touches.occurred_on
),

months_back as (
    {%- for n in range(months_back + 1) %}
    select {{ n }} as months {{ 'union all' if not loop.last }}
    {%- endfor %}
),

months_of_deals as (
    select
        deals.deal_id,
        deals.credit_on,
        deals.acting_partner_id,
        cast({{ dbt.dateadd('month', '-months_back.months', month_of('deals.credit_on')) }} as date) as month
    from deals
    cross join months_back
    where deals.acting_partner_id not in ('DIRECT', 'UNRESOLVED')
),

-- A branch and partner have one row a day, so the latest day is one row.
last_touches as (
    select
        months_of_deals.deal_id,
        days_of_touch.branch_id,
        days_of_touch.acting_partner_id,
        max(days_of_touch.occurred_on) as occurred_on
    from months_of_deals
    inner join days_of_touch
        on
            months_of_deals.acting_partner_id = days_of_touch.acting_partner_id
            and months_of_deals.month = days_of_touch.occurred_month
    where
        days_of_touch.occurred_on < months_of_deals.credit_on
        and days_of_touch.occurred_on >= {{ add_days('months_of_deals.credit_on', -var('contact_window_days')) }}
    group by months_of_deals.deal_id, days_of_touch.branch_id, days_of_touch.acting_partner_id
),

touches_before as (
    select last_touches.deal_id, last_touches.branch_id, days_of_touch.activity_id, last_touches.occurred_on
    from last_touches
    inner join days_of_touch
        on
            last_touches.branch_id = days_of_touch.branch_id
            and last_touches.acting_partner_id = days_of_touch.acting_partner_id
            and last_touches.occurred_on = days_of_touch.occurred_on
),

-- E13: the customer's last win before the deal. One pass over each customer's days, however many deals it has.
customer_days as (
    select won.customer_id, won.recognized_on as day, 1 as is_win, won.deal_id
    from {{ ref('int_deals') }} as won
    inner join {{ ref('int_deal_outcomes') }} as outcomes on won.deal_id = outcomes.deal_id
    inner join {{ ref('int_branches') }} as branches on outcomes.branch_id = branches.branch_id and not branches.is_sentinel
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
    inner join {{ ref('int_deals') }} as won on substr(last_wins.last_win, 11) = won.deal_id
    inner join {{ ref('int_deal_outcomes') }} as outcomes on won.deal_id = outcomes.deal_id
    where last_wins.is_win = 0
),

-- E14: branches of the known partner that cover the customer's prefecture.
territories as (
    {{ dated_history('branch_territories', ['branch_id', 'prefecture'], []) }}
),

covering_branches as (
    select deals.deal_id, territories.branch_id, territories.prefecture
    from deals
    inner join {{ ref('dim_customer') }} as customers on deals.customer_id = customers.customer_id
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

-- E15: the one branch, of the known partner or of all, that the deal's owner looks after.
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
    where deals.acting_partner_id in ('DIRECT', 'UNRESOLVED', branch_partners.acting_partner_id)
    group by deals.deal_id, deals.owner_staff_id
    having count(distinct coverages.branch_id) = 1
),

-- E17: registered names that resemble the deal's texts; a branch only of the known partner.
similar_names as (
    select deals.deal_id, lookalikes.text, lookalikes.partner_id, lookalikes.branch_id, lookalikes.score
    from deals
    inner join {{ ref('stg_similar_names') }} as lookalikes on deals.partner_text = lookalikes.text
    where deals.acting_partner_id in ('DIRECT', 'UNRESOLVED', lookalikes.partner_id)
    union
    select deals.deal_id, lookalikes.text, lookalikes.partner_id, lookalikes.branch_id, lookalikes.score
    from deals
    inner join {{ ref('stg_similar_names') }} as lookalikes on deals.branch_text = lookalikes.text
    where deals.acting_partner_id = lookalikes.partner_id
),

{% set unscored = "cast(null as decimal(5, 2)) as score" -%}
hints as (
    select
        deal_id, 'E12' as evidence_code, activity_id as raw_value, branch_id, rep_id,
        cast(null as string) as partner_id, occurred_on as claimed_on, {{ unscored }}
    from touches_of_deals
    union all
    select deal_id, 'E12', activity_id, branch_id, null, null, occurred_on, {{ unscored }}
    from touches_before
    union all
    select deal_id, 'E13', won_deal_id, branch_id, null, null, recognized_on, {{ unscored }}
    from earlier_wins
    union all
    select deal_id, 'E14', prefecture, branch_id, null, null, cast(null as date), {{ unscored }}
    from covering_branches
    union all
    select deal_id, 'E15', staff_id, branch_id, null, null, cast(null as date), {{ unscored }}
    from managed_branches
    union all
    select deal_id, 'E17', text, branch_id, null, partner_id, cast(null as date), cast(score as decimal(5, 2)) as score
    from similar_names
)

select
    hints.deal_id,
    hints.evidence_code,
    case when hints.branch_id is null then 'partner' else 'branch' end as points_to,
    hints.raw_value,
    hints.branch_id,
    hints.rep_id,
    coalesce(hints.partner_id, branches.partner_id) as partner_id,
    hints.claimed_on,
    max(hints.score) as score
from hints
left join {{ ref('int_branches') }} as branches on hints.branch_id = branches.branch_id
group by
    hints.deal_id, hints.evidence_code, hints.raw_value, hints.branch_id, hints.rep_id, hints.partner_id, branches.partner_id,
    hints.claimed_on
