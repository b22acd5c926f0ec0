-- A phase that an entity has outgrown, by the rules of the seed phase_rules. All conditions of a rule must hold at the last
-- quarter ends (phase_quarters), because one good quarter is no phase. Each figure must be on its side of the threshold by more than chance
-- explains: at least 3 wins a year needs 6, and below 3 needs none. A proposal changes nothing: a person adopts it with a row
-- of phase_history.
with quarter_ends as (
    select month, row_number() over (order by month desc nulls last) as age
    from {{ ref('int_months') }}
    where is_complete and mod({{ fiscal_month('month') }}, 3) = 0
),

phases as (
    select phases.*, ends.age
    from {{ ref('int_phases') }} as phases
    inner join quarter_ends as ends on phases.month = ends.month and ends.age <= {{ var('phase_quarters') }}
    where not phases.is_special and phases.closed_on > phases.month_end and phases.has_twelve_months
),

figures as (
    select scope_key, month, 'deals_won_t12m' as metric, deals_won_t12m as numerator, cast(null as bigint) as denominator
    from {{ ref('int_performance') }}
    union all
    select scope_key, month, 'self_run_ratio' as metric, self_run_ratio_numerator as numerator, self_run_ratio_denominator as denominator
    from {{ ref('int_performance') }}
    union all
    select scope_key, month, 'reps_producing_t12m' as metric, reps_producing_t12m as numerator, cast(null as bigint) as denominator
    from {{ ref('int_monthly') }}
    union all
    select scope_key, month, 'rep_penetration' as metric, rep_penetration_numerator as numerator, headcount as denominator
    from {{ ref('int_monthly') }}
),

bounded as (
    select
        *,
        case when denominator is null then cast(numerator as double) else cast(numerator as double) / nullif(denominator, 0) end
            as value,
        case
            when denominator is null then {{ count_low('cast(numerator as double)', var('evidence_some')) }}
            when denominator >= {{ var('n_min') }}
                then {{ wilson_bound('least(numerator, denominator)', 'denominator', '-', var('evidence_some')) }}
        end as value_low,
        case
            when denominator is null then {{ count_high('cast(numerator as double)', var('evidence_some')) }}
            when denominator >= {{ var('n_min') }}
                then {{ wilson_bound('least(numerator, denominator)', 'denominator', '+', var('evidence_some')) }}
        end as value_high
    from figures
),

conditions as (
    select
        phases.scope_key, phases.scope, phases.entity_id, phases.phase, phases.channel, phases.month, phases.month_end, phases.age,
        rules.next_phase, rules.metric, rules.comparison, rules.threshold, rules.label, rules.label_ja,
        bounded.value, bounded.denominator,
        coalesce(
            case when rules.comparison = 'at_least' then bounded.value_low >= rules.threshold else bounded.value_high < rules.threshold end,
            false
        ) as is_met
    from phases
    -- Whether an entity went back in a phase that it only has from the level above is not known.
    inner join {{ ref('phase_rules') }} as rules
        on phases.phase = rules.phase and (rules.comparison = 'at_least' or phases.is_own_phase)
    left join bounded
        on phases.scope_key = bounded.scope_key and phases.month = bounded.month and rules.metric = bounded.metric
),

met as (
    select scope_key, phase, next_phase
    from conditions
    group by scope_key, phase, next_phase
    having sum(case when is_met then 0 else 1 end) = 0 and count(distinct age) = {{ var('phase_quarters') }}
),

latest as (
    select
        conditions.*,
        case
            when conditions.denominator is null then cast(cast(conditions.value as bigint) as string)
            else {{ dbt.concat([percent_text('conditions.value'), "' ('", "cast(conditions.denominator as string)", "')'"]) }}
        end as value_text
    from conditions
    inner join met
        on
            conditions.scope_key = met.scope_key and conditions.phase = met.phase and conditions.next_phase = met.next_phase
            and conditions.age = 1
),

reasons as (
    select
        scope, entity_id, phase, channel, month_end, next_phase,
        {{ joined_texts(dbt.concat(["label", "': '", "value_text"]), "', '", 'metric') }} as reason,
        {{ joined_texts(dbt.concat(["label_ja", "': '", "value_text"]), "'、'", 'metric') }} as reason_ja
    from latest
    group by scope, entity_id, phase, channel, month_end, next_phase
),

sets as (
    select phase, channel, {{ joined_texts('metric', "', '", 'kpi_rank') }} as kpis
    from {{ ref('kpi_sets') }}
    where not is_reserve and valid_from <= (select as_of from {{ ref('int_as_of') }})
    group by phase, channel
)

select
    reasons.scope,
    reasons.entity_id,
    reasons.month_end as judged_on,
    reasons.phase,
    reasons.next_phase as proposed_phase,
    reasons.channel,
    sets.kpis,
    next_sets.kpis as proposed_kpis,
    {{ dbt.concat(["reasons.reason", "'; at " ~ var('phase_quarters') ~ " quarter ends in a row'"]) }} as reason,
    {{ dbt.concat(["reasons.reason_ja", "'。" ~ var('phase_quarters') ~ "四半期続けて条件を満たした'"]) }} as reason_ja
from reasons
left join sets on reasons.phase = sets.phase and reasons.channel = sets.channel
left join sets as next_sets on reasons.next_phase = next_sets.phase and reasons.channel = next_sets.channel
