-- A leak is something in a past score, or in its outcome, that was not so on that day. The check of a score with a leak looks
-- good, and the score fails in use. It is *not* a check of whether the score is good. Computed again from the landed rows.
{{ config(meta={'dagster': {'ref': {'name': 'potential_outcomes'}}}) }}

-- Profiles that anybody could have read by the end of the half.
with readable as (
    select
        halves.period_start,
        stated.branch_id,
        {%- for feature in ['sales_headcount', 'target_customer_overlap', 'customer_count', 'products_carried'] %}
        cast(stated.{{ feature }} as double) as {{ feature }},
        {%- endfor %}
        case when stated.sells_competitor then 1.0 when not stated.sells_competitor then 0.0 end as sells_competitor
    from {{ ref('int_halves') }} as halves
    inner join {{ ref('stg_profile_extracts') }} as stated
        on
            stated.as_of <= halves.period_end
            and (stated.extracted_on <= halves.period_end or stated.is_first_extract)
),

values_known as (
    {%- for feature in ['sales_headcount', 'target_customer_overlap', 'customer_count', 'products_carried', 'sells_competitor'] %}
    select period_start, branch_id, '{{ feature }}' as feature, {{ feature }} as known_value from readable
    {{ 'union' if not loop.last }}
    {%- endfor %}
),

unknown_values as (
    select points.branch_id, points.period_end as cutoff_on, points.feature
    from {{ ref('int_potential_points') }} as points
    left join values_known
        on
            points.period_start = values_known.period_start and points.branch_id = values_known.branch_id
            and points.feature = values_known.feature and points.reported_value = values_known.known_value
    where points.reported_value is not null and values_known.branch_id is null
),

-- Wins of the days after the cut-off, at the branch that was credited.
wins as (
    select outcomes.version, outcomes.branch_id, outcomes.cutoff_on, count(*) as wins
    from {{ ref('potential_outcomes') }} as outcomes
    inner join {{ ref('int_branch_versions') }} as versions on outcomes.branch_id = versions.branch_id
    inner join {{ ref('int_won_months') }} as won
        on
            versions.branch_version_id = won.branch_version_id
            and won.is_won and won.month > outcomes.cutoff_on and won.month <= outcomes.outcome_end
    group by outcomes.version, outcomes.branch_id, outcomes.cutoff_on
),

-- Branches that were open at a cut-off, also if they closed later.
there as (
    select scores.version, scores.branch_id, scores.period_end as cutoff_on
    from {{ ref('int_potential_scores') }} as scores
    inner join (select distinct cutoff_on from {{ ref('potential_outcomes') }}) as cutoffs on scores.period_end = cutoffs.cutoff_on
    inner join {{ ref('dim_branch') }} as branches on scores.branch_id = branches.branch_id
    inner join {{ ref('dim_partner') }} as partners on branches.partner_id = partners.partner_id
    where
        coalesce(branches.closed_on, {{ for_ever() }}) > scores.period_end
        and coalesce(partners.contract_ended_on, {{ for_ever() }}) > scores.period_end
)

select 'a value that was not known then' as leak, branch_id, cutoff_on, feature as detail from unknown_values
union all
select 'a profile that was not known then' as leak, branch_id, cutoff_on, cast(known_on as string) as detail
from {{ ref('potential_outcomes') }}
where known_on > cutoff_on or profile_on > cutoff_on
union all
select 'wins that did not come afterwards' as leak, outcomes.branch_id, outcomes.cutoff_on, cast(outcomes.outcome_wins as string) as detail
from {{ ref('potential_outcomes') }} as outcomes
left join wins
    on outcomes.version = wins.version and outcomes.branch_id = wins.branch_id and outcomes.cutoff_on = wins.cutoff_on
where outcomes.outcome_wins != coalesce(wins.wins, 0)
union all
select 'a branch that ended is missing' as leak, there.branch_id, there.cutoff_on, there.version as detail
from there
left join {{ ref('potential_outcomes') }} as outcomes
    on there.version = outcomes.version and there.branch_id = outcomes.branch_id and there.cutoff_on = outcomes.cutoff_on
where outcomes.branch_id is null
