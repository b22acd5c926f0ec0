-- Place of today's branches on the map at the end of each fiscal half in which they or a predecessor were open. The
-- potential is that of the version in force; the same half is also placed by the definition of the next half, so that a
-- change of definition can be distinguished from a move.
with branch_halves as (
    select distinct
        members.current_branch_id as branch_id,
        branches.current_partner_id as partner_id,
        halves.*
    from {{ ref('dim_branch') }} as members
    inner join {{ ref('dim_branch') }} as branches on members.current_branch_id = branches.branch_id
    inner join {{ ref('int_halves') }} as halves
        on
            not members.is_sentinel
            and coalesce(members.opened_on, {{ since_ever() }}) <= halves.period_end
            and coalesce(members.closed_on, {{ for_ever() }}) > halves.period_start
),

definitions as (
    select
        lines.period_start,
        lines.version,
        max(case when lines.axis = 'potential' then lines.cut_value end) as potential_cut,
        max(case when lines.axis = 'result' then lines.cut_value end) as result_cut
    from {{ ref('int_cut_lines') }} as lines
    where lines.is_in_force
    group by lines.period_start, lines.version
),

quarters as (
    select
        halves.branch_id,
        halves.period_start,
        quarters.live_touches,
        quarters.mass_touches,
        quarters.has_account_manager,
        row_number() over (
            partition by halves.branch_id, halves.period_start order by quarters.quarter_start desc nulls last
        ) as recency
    from branch_halves as halves
    inner join {{ ref('int_support_quarters') }} as quarters
        on
            halves.branch_id = quarters.branch_id
            and quarters.quarter_start >= halves.period_start and quarters.quarter_end <= halves.period_end
),

support as (
    select
        branch_id,
        period_start,
        sum(live_touches) as live_touches,
        sum(mass_touches) as mass_touches,
        max(case when recency = 1 then has_account_manager end) as has_account_manager
    from quarters
    group by branch_id, period_start
),

placed as (
    select
        halves.*,
        definitions.version,
        definitions.potential_cut,
        definitions.result_cut,
        scores.potential_score,
        scores.known_weight,
        scores.all_weight,
        scores.profile_on,
        scores.is_inherited as is_profile_inherited,
        coalesce(results.deals_won_t12m, 0) as deals_won_t12m,
        coalesce(results.won_amount_t12m, 0) as won_amount_t12m,
        coalesce(results.recurring_amount_t12m, 0) as recurring_amount_t12m,
        coalesce(results.result, 0) as result,
        coalesce(support.live_touches, 0) as live_touches,
        coalesce(support.mass_touches, 0) as mass_touches,
        support.has_account_manager,
        cast({{ days_between('halves.period_start', 'halves.period_end') }} as double) / 91 as quarters,
        later.potential_cut as next_potential_cut,
        later.result_cut as next_result_cut,
        later_scores.potential_score as next_definition_score
    from branch_halves as halves
    left join definitions on halves.period_start = definitions.period_start
    left join {{ ref('int_potential_scores') }} as scores
        on
            halves.branch_id = scores.branch_id and halves.period_start = scores.period_start
            and definitions.version = scores.version
    left join {{ ref('int_half_results') }} as results
        on halves.branch_id = results.branch_id and halves.period_start = results.period_start
    left join support on halves.branch_id = support.branch_id and halves.period_start = support.period_start
    left join definitions as later on halves.next_start = later.period_start
    left join {{ ref('int_potential_scores') }} as later_scores
        on
            halves.branch_id = later_scores.branch_id and halves.period_start = later_scores.period_start
            and later.version = later_scores.version
),

segments as (
    select
        *,
        {{ segment_at('potential_score', 'potential_cut', 'result', 'result_cut') }} as segment,
        case
            when next_start is not null
                then {{ segment_at('next_definition_score', 'next_potential_cut', 'result', 'next_result_cut') }}
        end as segment_next_definition,
        {{ observed_mode('live_touches', 'mass_touches', 'greatest(1.0, quarters)', 'has_account_manager') }} as observed_mode
    from placed
)

select
    segments.*,
    labels.potential as potential_level,
    labels.support_mode,
    labels.support_priority
from segments
left join {{ ref('segments') }} as labels on segments.segment = labels.segment
