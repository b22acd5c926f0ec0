-- The credit as it is known now, per deal and month of its revenue, with the facts that can explain a later change. A deal
-- without revenue has one row without money, in the month of its credit date. The next extract is compared with a copy of
-- this table. The table is also built for earlier days. Therefore it reads decisions from int_deal_outcomes and leaves out
-- suggestions.
with deals as (
    select * from {{ ref('int_deals') }}
),

months as (
    select deal_id, {{ month_of('recognized_on') }} as month, coalesce(sum(amount), 0) as amount
    from {{ ref('int_revenue_events') }}
    group by deal_id, {{ month_of('recognized_on') }}
),

-- The parties of the deal as the sources record them.
registrations as (
    select
        deal_id,
        {{ rows_hash([
            'registration_id', 'status', 'partner_id', 'branch_id', 'rep_id', 'rep_email', 'submitted_at', 'approved_at', 'expires_on',
        ]) }} as rows_hash
    from {{ ref('stg_deal_registrations') }}
    where deal_id is not null
    group by deal_id
),

participants as (
    select deal_id, {{ rows_hash(['role', 'party_type', 'party_id', 'is_primary']) }} as rows_hash
    from {{ ref('stg_deal_participants') }}
    group by deal_id
),

-- The money and its dates as the sources record them, in their own currency: sources do not set exchange rates.
events as (
    select deal_id, {{ rows_hash(['event_id', 'recognized_on']) }} as rows_hash
    from {{ ref('int_revenue_events') }}
    group by deal_id
),

amount_events as (
    select deal_id, {{ rows_hash(['event_id', 'amount_delta', 'currency']) }} as rows_hash
    from {{ ref('stg_deal_amount_events') }}
    group by deal_id
),

overrides as (
    select deal_id, branch_id from {{ ref('stg_attribution_overrides') }} where branch_id is not null and reason is not null
),

-- What the names on the deal were matched to. A rep's name is matched to the rep only, because the rep's branch comes from
-- the roster.
names as (
    select
        deal_id,
        {{ rows_hash([
            'evidence_code', 'partner_id', 'rep_id', "case when evidence_code = " ~ evidence('branch_text') ~ " then branch_id end",
        ]) }} as rows_hash
    from {{ ref('int_deal_names') }}
    where matched_by is not null
    group by deal_id
)

select
    deals.deal_id,
    coalesce(months.month, {{ month_of('deals.credit_on') }}) as month,
    outcomes.branch_id,
    cast(coalesce(months.amount, 0) as {{ money_type() }}) as amount,
    months.deal_id is not null as has_revenue,
    duplicates.deal_id is null as is_counted,
    outcomes.rung,
    outcomes.parent_branch_id,
    overrides.branch_id as override_branch_id,
    {{ row_hash([
        'deals.credit_on', 'deals.channel', 'deals.deal_type', 'deals.named_partner_id', 'deals.named_branch_id', 'deals.named_rep_id',
        'deals.named_rep_email', 'deals.partner_text', 'deals.branch_text', 'deals.rep_text', 'deals.parent_deal_id',
        'registrations.rows_hash', 'participants.rows_hash',
    ]) }} as claims_hash,
    {{ row_hash([
        'deals.amount_in_currency', 'deals.currency', 'events.rows_hash', 'amount_events.rows_hash',
    ]) }} as money_hash,
    names.rows_hash as names_hash,
    today.as_of
from deals
left join {{ ref('int_deal_outcomes') }} as outcomes on deals.deal_id = outcomes.deal_id
left join {{ ref('int_duplicate_deals') }} as duplicates on deals.deal_id = duplicates.deal_id
left join months on deals.deal_id = months.deal_id
left join registrations on deals.deal_id = registrations.deal_id
left join participants on deals.deal_id = participants.deal_id
left join events on deals.deal_id = events.deal_id
left join amount_events on deals.deal_id = amount_events.deal_id
left join overrides on deals.deal_id = overrides.deal_id
left join names on deals.deal_id = names.deal_id
cross join {{ ref('int_as_of') }} as today
