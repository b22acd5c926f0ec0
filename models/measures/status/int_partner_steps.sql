-- First days of each partner on the way from prospect to first win. Met is the first live contact; a day of contact is also
-- that of its inquiry.
with inquiries as (
    select
        became_partner_id as partner_id, received_on as asked_on, kind as channel,
        row_number() over (partition by became_partner_id order by received_on nulls last, inquiry_id) as inquiry_number
    from {{ ref('int_inquiries') }}
    where became_partner_id is not null
),

typed as (
    select entity_id as partner_id, min(valid_from) as listed_on
    from {{ ref('int_status_spells') }}
    where entity_type = 'partner' and basis = 'typed' and ladder_status in ('prospect', 'in_talks')
    group by entity_id
),

contacts as (
    select
        partner_id,
        min(case when is_live then occurred_on end) as met_on,
        min(case when activity_type in ('study_session', 'training') and reps_attended > 0 then occurred_on end) as enabled_on
    from {{ ref('fct_activities') }}
    where status = 'held'
    group by partner_id
),

contracts as (
    select entity_id as partner_id, min(started_on) as contracted_on
    from {{ ref('int_contracts') }}
    where entity_type = 'partner' and started_on <= (select as_of from {{ ref('int_as_of') }})
    group by entity_id
),

results as (
    select partner_id, min(open_on) as first_deal_on, min(won_on) as first_win_on
    from {{ ref('int_deal_milestones') }}
    group by partner_id
),

-- A win in the twelve months to the last complete one.
bounds as (
    select {{ add_months('max(month)', -12) }} as after_month, max(month) as last_month
    from {{ ref('int_months') }}
    where is_complete
),

winners as (
    select won.partner_id, count(*) as wins
    from {{ ref('int_deal_milestones') }} as won
    inner join bounds on won.won_month > bounds.after_month and won.won_month <= bounds.last_month
    group by won.partner_id
),

-- The area of its head office, otherwise of its first branch.
places as (
    select
        branches.partner_id, areas.area,
        row_number() over (
            partition by branches.partner_id
            order by case when branches.is_head_office then 0 else 1 end, branches.branch_id
        ) as closeness
    from {{ ref('dim_branch') }} as branches
    inner join {{ ref('areas') }} as areas on substr(branches.prefecture, 1, 2) = areas.prefecture_start
    where not branches.is_sentinel
)

select
    partners.partner_id,
    coalesce(partners.industry, 'unknown') as industry,
    coalesce(places.area, 'unknown') as area,
    partners.partner_type,
    -- Never that of its deals: only partners that got so far have any.
    coalesce(channels.channel, inquiries.channel, 'unknown') as channel,
    {{ earliest(['inquiries.asked_on', 'typed.listed_on', 'contacts.met_on', 'contracts.contracted_on']) }} as listed_on,
    {{ earliest(['inquiries.asked_on', 'contacts.met_on']) }} as contact_on,
    contacts.met_on,
    contracts.contracted_on,
    contacts.enabled_on,
    results.first_deal_on,
    results.first_win_on,
    partners.contract_ended_on,
    -- Under contract for the whole window, or until it ended within it: who ended is kept.
    coalesce(
        contracts.contracted_on <= bounds.after_month
        and coalesce(partners.contract_ended_on, {{ for_ever() }}) > bounds.after_month, false
    ) as is_observed,
    winners.wins is not null as is_producing
from {{ ref('dim_partner') }} as partners
cross join bounds
left join inquiries on partners.partner_id = inquiries.partner_id and inquiries.inquiry_number = 1
left join {{ ref('partner_channels') }} as channels on partners.partner_type = channels.partner_type
left join typed on partners.partner_id = typed.partner_id
left join contacts on partners.partner_id = contacts.partner_id
left join contracts on partners.partner_id = contracts.partner_id
left join results on partners.partner_id = results.partner_id
left join winners on partners.partner_id = winners.partner_id
left join places on partners.partner_id = places.partner_id and places.closeness = 1
where not partners.is_sentinel
