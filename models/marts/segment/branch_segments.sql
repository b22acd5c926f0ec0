select
    branch_id,
    partner_id,
    fiscal_year,
    fiscal_half,
    period_start,
    period_end,
    is_over,
    version,
    potential_score,
    potential_cut,
    cast(known_weight as integer) as known_weight,
    cast(all_weight as integer) as all_weight,
    profile_on,
    cast({{ days_between('profile_on', 'period_end') }} as integer) as profile_age_days,
    is_profile_inherited,
    '{{ var("result_axis") }}' as result_axis,
    cast(result as {{ money_type() }}) as result,
    result_cut,
    cast(deals_won_t12m as bigint) as deals_won_t12m,
    cast(won_amount_t12m as {{ money_type() }}) as won_amount_t12m,
    cast(recurring_amount_t12m as {{ money_type() }}) as recurring_amount_t12m,
    segment,
    support_mode,
    observed_mode,
    observed_mode != support_mode as is_mode_different,
    has_account_manager,
    cast(live_touches as bigint) as live_touches,
    cast(mass_touches as bigint) as mass_touches,
    support_priority,
    case
        when segment = 'unknown' then 'No feature of the potential was known at the end of the half'
        else {{ dbt.concat([
            "'Potential '", "cast(cast(round(potential_score) as integer) as string)", "' of 100 (high from '",
            "cast(cast(round(potential_cut) as integer) as string)", "'), '",
            "cast(deals_won_t12m as string)", "' wins in 12 months'"
        ]) }}
    end as reason,
    case
        when segment = 'unknown' then '期末時点でポテンシャルの項目が一つも判明していない'
        else {{ dbt.concat([
            "'ポテンシャル'", "cast(cast(round(potential_score) as integer) as string)", "'点(高は'",
            "cast(cast(round(potential_cut) as integer) as string)", "'点以上)、12か月の受注'",
            "cast(deals_won_t12m as string)", "'件'"
        ]) }}
    end as reason_ja
from {{ ref('int_segments') }}
