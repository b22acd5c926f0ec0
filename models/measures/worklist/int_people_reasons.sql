-- Why to call a salesperson who is at an open branch today: one row per rep and reason (seed people_reasons), with the day
-- that the reason is about.
with today as (
    select as_of, {{ add_days('as_of', -var('contact_window_days')) }} as window_start from {{ ref('int_as_of') }}
),

people as (
    select rep_id, branch_id from {{ ref('int_call_values') }}
),

contactable as (
    select distinct rep_id from {{ ref('int_contactable_reps') }} where month = (select max(month) from {{ ref('int_months') }})
),

records as (
    select
        people.rep_id,
        people.branch_id,
        records.last_touch_on,
        records.last_deal_on,
        records.deals_brought,
        {{ days_between('records.first_deal_on', 'records.last_deal_on') }} as days_with_deals,
        {{ days_between('records.last_deal_on', 'today.as_of') }} as silent_days,
        coalesce(records.last_won_month > {{ add_months(month_of('today.as_of'), -12) }}, false) as has_won,
        -- The last day on which the last two-way contact counts.
        {{ add_days('records.last_contact_on', var('contact_window_days') - 1) }} as contactable_until,
        contactable.rep_id is not null as is_contactable,
        {{ days_between('today.as_of', add_days('records.last_contact_on', var('contact_window_days') - 1)) }} as days_left,
        posts.assigned_on,
        today.as_of
    from people
    cross join today
    left join {{ ref('int_rep_records') }} as records on people.rep_id = records.rep_id
    left join contactable on people.rep_id = contactable.rep_id
    left join (
        select rep_id, max(valid_from) as assigned_on from {{ ref('int_rep_changes') }} where is_current group by rep_id
    ) as posts on people.rep_id = posts.rep_id
),

-- The chance that somebody with the rhythm of these deals brings nothing for so long: (T ÷ (T + t)) to the power of the
-- number of gaps, for T days with deals and t days without. It is that of a Poisson process of unknown rate. A few days
-- without a deal, such as holidays, are nothing to call about.
silences as (
    select
        *,
        case
            when deals_brought >= {{ var('n_min') }} and days_with_deals > 0 and silent_days > {{ var('people_notice_days') }} then power(
                cast(days_with_deals as double) / (days_with_deals + silent_days), cast(deals_brought - 1 as double)
            )
        end as chance_of_silence
    from records
),

found as (
    select rep_id, branch_id, 'contact_ends' as reason, 'fact' as evidence, contactable_until as reason_on
    from silences
    where is_contactable and days_left < {{ var('people_notice_days') }}
    union all
    select rep_id, branch_id, 'contact_lost', 'fact', contactable_until
    from silences
    where not is_contactable and days_left < 0 and days_left >= -{{ var('people_notice_days') }}
    union all
    select rep_id, branch_id, 'never_contacted', 'fact', nullif(assigned_on, {{ since_ever() }})
    from silences
    where last_touch_on is null
    union all
    select rep_id, branch_id, 'no_deal', 'fact', last_touch_on
    from silences
    where is_contactable and coalesce(deals_brought, 0) = 0
    union all
    select rep_id, branch_id, 'producer_quiet', case when chance_of_silence <= 0.01 then 'strong' else 'some' end, last_deal_on
    from silences
    where has_won and chance_of_silence <= 0.05
    union all
    select rep_id, branch_id, 'producer_lapsed', 'fact', last_deal_on
    from silences
    where
        has_won
        and last_deal_on <= {{ add_months('as_of', -var('active_window_months')) }}
        and coalesce(chance_of_silence, 1) > 0.05
)

select
    found.*,
    cast(null as {{ dbt.type_string() }}) as other_rep_id,
    cast(0 as bigint) as open_deals, cast(0 as {{ money_type() }}) as open_amount, cast(0 as bigint) as customers
from found
union all
select rep_id, branch_id, reason, 'fact' as evidence, reason_on, other_rep_id, open_deals, open_amount, customers
from {{ ref('int_rep_successions') }}
