-- How partners of an industry, area or type come from prospect to first win, and how many of them sell. Partners that are not
-- that far yet count in the medians as the longest, because the quick ones alone would make the medians too short.
with cuts as (
    select 'industry' as cut, industry as cut_value, steps.* from {{ ref('int_partner_steps') }} as steps
    union all
    select 'area' as cut, area as cut_value, steps.* from {{ ref('int_partner_steps') }} as steps
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

compared as (
    select
        *,
        cast(sum(producing) over (partition by cut) as double) / nullif(sum(observed) over (partition by cut), 0) as all_rate,
        {{ wilson_bound('producing', 'observed', '-') }} as interval_low,
        {{ wilson_bound('producing', 'observed', '+') }} as interval_high,
        {{ wilson_bound('producing', 'observed', '-', 1.282) }} as narrow_low,
        {{ wilson_bound('producing', 'observed', '+', 1.282) }} as narrow_high
    from counted
)

select
    cut,
    cut_value,
    prospects,
    met,
    contracted,
    enabled,
    with_deal,
    with_win,
    decisions,
    cast(case when decisions >= {{ var('n_min') }} and 2 * days_to_contract < {{ not_yet() }} then days_to_contract end as double)
        as decision_days,
    starts,
    cast(case when starts >= {{ var('n_min') }} and 2 * days_to_win < {{ not_yet() }} then days_to_win end as double)
        as days_to_first_win,
    cast(observed as bigint) as fit_rate_denominator,
    cast(producing as bigint) as fit_rate_numerator,
    {{ rate('producing', 'observed', var('n_min')) }} as fit_rate,
    interval_low,
    interval_high,
    all_rate,
    case
        when observed < {{ var('n_min') }} then 'none'
        when interval_low > all_rate or interval_high < all_rate then 'strong'
        when narrow_low > all_rate or narrow_high < all_rate then 'some'
        else 'none'
    end as evidence
from compared
