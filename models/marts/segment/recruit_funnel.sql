-- How partners of an industry, area, channel or type come from prospect to first win, and how many of them sell. Partners that are not
-- that far yet count in the medians as the longest, because the quick ones alone would make the medians too short. Inquiries have a cut
-- of their own, because most of them never become a partner.
with cuts as (
    select 'industry' as cut, industry as cut_value, steps.* from {{ ref('int_partner_steps') }} as steps
    union all
    select 'area' as cut, area as cut_value, steps.* from {{ ref('int_partner_steps') }} as steps
    union all
    select 'channel' as cut, channel as cut_value, steps.* from {{ ref('int_partner_steps') }} as steps
    union all
    select 'partner_type' as cut, partner_type as cut_value, steps.* from {{ ref('int_partner_steps') }} as steps
),

-- Contracts from before the data have an unknown beginning.
starts as (
    select min(month) as first_month from {{ ref('int_months') }}
),

timed as (
    select
        cuts.*,
        case
            when cuts.contact_on is not null and coalesce(cuts.contracted_on, {{ for_ever() }}) >= cuts.contact_on
                then coalesce({{ days_between('cuts.contact_on', 'cuts.contracted_on') }}, {{ not_yet() }})
        end as days_to_contract,
        case
            when cuts.contracted_on < starts.first_month or cuts.contracted_on is null then null
            when cuts.first_win_on is null then {{ not_yet() }}
            else greatest({{ days_between('cuts.contracted_on', 'cuts.first_win_on') }}, 0)
        end as days_to_win
    from cuts
    cross join starts
),

counted as (
    select
        cut,
        cut_value,
        count(*) as prospects,
        count(met_on) as met,
        count(contracted_on) as contracted,
        count(enabled_on) as enabled,
        count(first_deal_on) as with_deal,
        count(first_win_on) as with_win,
        count(days_to_contract) as decisions,
        {{ median('days_to_contract') }} as days_to_contract,
        count(days_to_win) as starts,
        {{ median('days_to_win') }} as days_to_win,
        sum(case when is_observed then 1 else 0 end) as observed,
        sum(case when is_observed and is_producing then 1 else 0 end) as producing
    from timed
    group by cut, cut_value
),

-- An inquiry has a year to become a contract. One of a partner under contract wins no partner.
inquiries as (
    select
        coalesce(inquiries.industry, 'unknown') as industry,
        coalesce(areas.area, 'unknown') as area,
        inquiries.kind as channel,
        {{ add_months('inquiries.received_on', 12) }} <= today.as_of as is_over,
        coalesce(steps.contracted_on < {{ add_months('inquiries.received_on', 12) }}, false) as is_contracted
    from {{ ref('int_inquiries') }} as inquiries
    cross join {{ ref('int_as_of') }} as today
    left join {{ ref('int_partner_steps') }} as steps on inquiries.became_partner_id = steps.partner_id
    left join {{ ref('areas') }} as areas on substr(inquiries.prefecture, 1, 2) = areas.prefecture_start
    where inquiries.received_on <= today.as_of and coalesce(steps.contracted_on >= inquiries.received_on, true)
),

asked as (
    select
        cut, cut_value,
        count(*) as inquiries,
        sum(case when is_over then 1 else 0 end) as inquiries_over,
        sum(case when is_over and is_contracted then 1 else 0 end) as inquiries_contracted
    from (
        select 'industry' as cut, industry as cut_value, is_over, is_contracted from inquiries
        union all
        select 'area' as cut, area as cut_value, is_over, is_contracted from inquiries
        union all
        select 'channel' as cut, channel as cut_value, is_over, is_contracted from inquiries
    ) as cut_inquiries
    group by cut, cut_value
),

compared as (
    select
        *,
        cast(sum(producing) over (partition by cut) as double) / nullif(sum(observed) over (partition by cut), 0) as all_rate,
        {{ wilson_bound('producing', 'observed', '-', var('evidence_strong')) }} as strong_low,
        {{ wilson_bound('producing', 'observed', '+', var('evidence_strong')) }} as strong_high,
        {{ wilson_bound('producing', 'observed', '-', var('evidence_some')) }} as some_low,
        {{ wilson_bound('producing', 'observed', '+', var('evidence_some')) }} as some_high
    from counted
)

select
    coalesce(compared.cut, asked.cut) as cut,
    coalesce(compared.cut_value, asked.cut_value) as cut_value,
    coalesce(compared.prospects, 0) as prospects,
    coalesce(compared.met, 0) as met,
    coalesce(compared.contracted, 0) as contracted,
    coalesce(compared.enabled, 0) as enabled,
    coalesce(compared.with_deal, 0) as with_deal,
    coalesce(compared.with_win, 0) as with_win,
    coalesce(compared.decisions, 0) as decisions,
    case
        when compared.decisions >= {{ var('n_min') }} and 2 * compared.days_to_contract < {{ not_yet() }}
            then cast(compared.days_to_contract as double)
    end as decision_days,
    coalesce(compared.starts, 0) as starts,
    case
        when compared.starts >= {{ var('n_min') }} and 2 * compared.days_to_win < {{ not_yet() }} then cast(compared.days_to_win as double)
    end as days_to_first_win,
    cast(coalesce(compared.observed, 0) as bigint) as fit_rate_denominator,
    cast(coalesce(compared.producing, 0) as bigint) as fit_rate_numerator,
    {{ rate('compared.producing', 'compared.observed', var('n_min')) }} as fit_rate,
    {{ wilson_bound('compared.producing', 'compared.observed', '-') }} as interval_low,
    {{ wilson_bound('compared.producing', 'compared.observed', '+') }} as interval_high,
    compared.all_rate,
    case
        when coalesce(compared.observed, 0) < {{ var('n_min') }} then 'none'
        when compared.strong_low > compared.all_rate or compared.strong_high < compared.all_rate then 'strong'
        when compared.some_low > compared.all_rate or compared.some_high < compared.all_rate then 'some'
        else 'none'
    end as evidence,
    -- The type of a company that only asked is not known.
    case when coalesce(compared.cut, asked.cut) != 'partner_type' then coalesce(asked.inquiries, 0) end as inquiries,
    case when coalesce(compared.cut, asked.cut) != 'partner_type' then cast(coalesce(asked.inquiries_contracted, 0) as bigint) end
        as inquiry_conversion_numerator,
    case when coalesce(compared.cut, asked.cut) != 'partner_type' then cast(coalesce(asked.inquiries_over, 0) as bigint) end
        as inquiry_conversion_denominator,
    {{ rate('asked.inquiries_contracted', 'asked.inquiries_over', var('n_min')) }} as inquiry_conversion
from compared
full outer join asked on compared.cut = asked.cut and compared.cut_value = asked.cut_value
