-- Companies to recruit next, and how well they fit: partners of the roster without contract and deal, and companies that asked within a
-- year and are in no roster. A company fits if partners of its industry, area or channel sell more often than all partners, by more than
-- chance explains (recruit_funnel).
with today as (
    select as_of, {{ add_months('as_of', -12) }} as a_year_ago from {{ ref('int_as_of') }}
),

-- A company with several inquiries is one prospect.
asked as (
    select
        inquiries.*,
        row_number() over (
            partition by coalesce(inquiries.company_name, inquiries.inquiry_id)
            order by inquiries.received_on desc nulls last, inquiries.inquiry_id desc nulls last
        ) as recency
    from {{ ref('int_inquiries') }} as inquiries
    cross join today
    where
        inquiries.became_partner_id is null
        and inquiries.received_on > today.a_year_ago and inquiries.received_on <= today.as_of
),

prospects as (
    select
        'partner' as prospect_type, steps.partner_id as prospect_id, partners.partner_name as prospect_name, steps.industry, steps.area,
        steps.channel, steps.listed_on as prospect_since, steps.met_on
    from {{ ref('int_partner_steps') }} as steps
    inner join {{ ref('dim_partner') }} as partners on steps.partner_id = partners.partner_id
    cross join today
    where
        steps.contracted_on is null and steps.first_deal_on is null
        and coalesce(steps.contract_ended_on, {{ for_ever() }}) > today.as_of
    union all
    select
        'inquiry' as prospect_type, asked.inquiry_id as prospect_id, asked.company_name as prospect_name,
        coalesce(asked.industry, 'unknown') as industry, coalesce(areas.area, 'unknown') as area, asked.kind as channel,
        asked.received_on as prospect_since, cast(null as date) as met_on
    from asked
    left join {{ ref('areas') }} as areas on substr(asked.prefecture, 1, 2) = areas.prefecture_start
    where asked.recency = 1
),

traits as (
    select prospect_type, prospect_id, 'industry' as cut, industry as cut_value from prospects
    union all
    select prospect_type, prospect_id, 'area' as cut, area as cut_value from prospects
    union all
    select prospect_type, prospect_id, 'channel' as cut, channel as cut_value from prospects
),

signs as (
    select
        traits.prospect_type,
        traits.prospect_id,
        funnel.cut,
        case when funnel.fit_rate > funnel.all_rate then 1 else -1 end as fit_sign,
        {{ dbt.concat([
            'funnel.cut_value', "': '", percent_text('funnel.fit_rate'), "' % of '", 'cast(funnel.fit_rate_denominator as string)',
            "' (all '", percent_text('funnel.all_rate'), "' %)'",
        ]) }} as reason,
        {{ dbt.concat([
            'funnel.cut_value', "'：'", 'cast(funnel.fit_rate_denominator as string)', "'社中'", percent_text('funnel.fit_rate'),
            "'%(全体'", percent_text('funnel.all_rate'), "'%)'",
        ]) }} as reason_ja
    from traits
    inner join {{ ref('recruit_funnel') }} as funnel on traits.cut = funnel.cut and traits.cut_value = funnel.cut_value
    where funnel.evidence != 'none' and funnel.cut_value != 'unknown'
),

fits as (
    select
        prospect_type, prospect_id, sum(fit_sign) as fit_signs, {{ joined_texts('reason', "'; '", 'cut') }} as reason,
        {{ joined_texts('reason_ja', "'、'", 'cut') }} as reason_ja
    from signs
    group by prospect_type, prospect_id
)

select
    prospects.prospect_type,
    prospects.prospect_id,
    prospects.prospect_name,
    prospects.industry,
    prospects.area,
    prospects.channel,
    prospects.prospect_since,
    prospects.met_on,
    cast(coalesce(fits.fit_signs, 0) as integer) as fit_signs,
    fits.reason,
    fits.reason_ja
from prospects
left join fits on prospects.prospect_type = fits.prospect_type and prospects.prospect_id = fits.prospect_id
