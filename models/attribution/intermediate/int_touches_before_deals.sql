-- One row per undecided deal and activity with a rep that suggests a branch: every activity that names the deal, and the
-- last one with each branch of the known partner shortly before the deal.
with deals as (
    select deal_id, credit_on, acting_partner_id, is_partner_known from {{ ref('int_undecided_deals') }}
),

branch_partners as (
    select * from {{ ref('int_branch_partners') }}
),

touches as (
    select activity_id, deal_id, rep_id, branch_id, occurred_on
    from {{ ref('int_attendance') }}
    where is_attended and branch_id is not null
),

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

-- Joined by month first, so that a partner's whole history is not compared with each of its deals.
months_back as (
    {{ whole_numbers(0, var('contact_window_days') // 28 + 1) }}
),

months_of_deals as (
    select
        deals.deal_id,
        deals.credit_on,
        deals.acting_partner_id,
        {{ add_months(month_of('deals.credit_on'), '-months_back.n') }} as month
    from deals
    cross join months_back
    where deals.is_partner_known
),

-- Each branch and partner has one row per day, so the latest day is one row.
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
)

select deals.deal_id, touches.activity_id, touches.rep_id, touches.branch_id, touches.occurred_on
from deals
inner join touches on deals.deal_id = touches.deal_id
where touches.occurred_on <= deals.credit_on
union all
select
    last_touches.deal_id,
    days_of_touch.activity_id,
    null as rep_id,
    last_touches.branch_id,
    last_touches.occurred_on
from last_touches
inner join days_of_touch
    on
        last_touches.branch_id = days_of_touch.branch_id
        and last_touches.acting_partner_id = days_of_touch.acting_partner_id
        and last_touches.occurred_on = days_of_touch.occurred_on
