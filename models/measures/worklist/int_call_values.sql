-- What a call is worth, for each salesperson who is at an open branch today: the new deals that followed earlier calls to
-- salespeople in the same situation, beyond the deals that came without a call, × win rate × money of a win. A situation is
-- the number of new deals in the twelve months before. A call is a month with a two-way contact. The deals of the three
-- months after it count, but not the deals of the month itself, because contacts also follow a new deal. Reps who had deals
-- are compared by their own pace, because the vendor meets the busiest most.
with months as (
    select
        month,
        {{ month_number('month') }} as month_number,
        max(case when is_complete then {{ month_number('month') }} end) over () as last_number,
        min({{ month_number('month') }}) over () as first_number
    from {{ ref('int_months') }}
),

-- Months in which a rep could be called, and whose next three months are over.
known as (
    select distinct reps.rep_id, months.month_number
    from {{ ref('int_known_reps') }} as reps
    inner join months on reps.month = months.month
    where
        months.month_number > months.last_number - 3 - {{ var('forecast_window_months') }}
        and months.month_number <= months.last_number - 3
        and months.month_number >= months.first_number + 12
),

deals as (
    select reps.rep_id, months.month_number, sum(reps.deals_new) as deals_new
    from {{ ref('int_rep_months') }} as reps
    inner join months on reps.month = months.month
    where reps.deals_new > 0 and reps.rep_id != 'NONE'
    group by reps.rep_id, months.month_number
),

calls as (
    select distinct contacts.rep_id, months.month_number
    from {{ ref('fct_attendance') }} as contacts
    inner join months on contacts.occurred_month = months.month
    where contacts.is_two_way_touch and contacts.rep_id is not null
),

around as (
    select
        known.rep_id, known.month_number,
        sum(case when deals.month_number < known.month_number then deals.deals_new end) as deals_ever,
        sum(case
            when deals.month_number < known.month_number and deals.month_number >= known.month_number - 12 then deals.deals_new
        end) as deals_before,
        sum(case
            when deals.month_number > known.month_number and deals.month_number <= known.month_number + 3 then deals.deals_new
        end) as deals_after
    from known
    inner join deals on known.rep_id = deals.rep_id
    group by known.rep_id, known.month_number
),

situations as (
    select
        known.rep_id, known.month_number,
        {{ call_situation('around.deals_ever', 'around.deals_before') }} as situation,
        coalesce(around.deals_after, 0) as deals_after,
        {{ call_pace('around.deals_before') }} as pace,
        calls.rep_id is not null as is_called
    from known
    left join around on known.rep_id = around.rep_id and known.month_number = around.month_number
    left join calls on known.rep_id = calls.rep_id and known.month_number = calls.month_number
),

counted as (
    select
        situation,
        is_called,
        count(*) as n,
        cast(sum(deals_after) as double) / sum(pace) as relative_deals,
        sum(pace) as pace,
        cast(sum(deals_after * deals_after) as double) as squares,
        sum(deals_after * pace) as products,
        sum(pace * pace) as pace_squares
    from situations
    group by situation, is_called
),

-- The variance of a ratio of two sums (deals ÷ pace).
spread as (
    select
        *,
        (squares - 2 * relative_deals * products + relative_deals * relative_deals * pace_squares) / (pace * pace) as variance
    from counted
),

-- The three months after consecutive months overlap, so the variance is multiplied by three.
compared as (
    select
        called.situation,
        called.n as calls,
        others.n as months_without_call,
        called.relative_deals as after_call,
        others.relative_deals as without_call,
        sqrt(3 * (called.variance + others.variance)) as deviation
    from spread as called
    inner join spread as others on called.situation = others.situation and not others.is_called
    where called.is_called
),

judged as (
    select
        *,
        least(calls, months_without_call) >= {{ var('call_value_min_calls') }} as has_calls,
        case
            when least(calls, months_without_call) < {{ var('call_value_min_calls') }} or deviation <= 0 then 'none'
            when after_call - without_call >= {{ var('evidence_strong') }} * deviation then 'strong'
            when after_call - without_call >= {{ var('evidence_some') }} * deviation then 'some'
            else 'none'
        end as evidence
    from compared
),

ever as (
    select
        deals.rep_id,
        sum(deals.deals_new) as deals_ever,
        sum(case when deals.month_number > calendar.last_number - 12 then deals.deals_new end) as deals_before
    from deals
    cross join (select max(last_number) as last_number from months) as calendar
    group by deals.rep_id
),

-- Salespeople at a branch of today that is open and under contract.
people as (
    select
        reps.rep_id, branches.branch_id, branches.current_partner_id as partner_id,
        {{ call_situation('ever.deals_ever', 'ever.deals_before') }} as situation,
        {{ call_pace('ever.deals_before') }} as pace
    from {{ ref('dim_rep') }} as reps
    inner join {{ ref('dim_branch') }} as posts on reps.current_branch_id = posts.branch_id
    inner join {{ ref('dim_branch') }} as branches on posts.current_branch_id = branches.branch_id and not branches.is_sentinel
    left join {{ ref('dim_partner') }} as partners on branches.current_partner_id = partners.partner_id
    cross join {{ ref('int_as_of') }} as today
    left join ever on reps.rep_id = ever.rep_id
    where
        not reps.is_sentinel
        and coalesce(
            {{ earliest(['branches.closed_on', 'branches.contract_ended_on', 'partners.contract_ended_on']) }}, {{ for_ever() }}
        ) > today.as_of
),

rates as (
    select scope, entity_id, estimated_rate from {{ ref('int_pooled_rates') }} where rate_name = 'win_rate_t12m'
),

amounts as (
    select partner_id, mean_amount from {{ ref('int_win_amounts') }}
    where month_number = (select max(last_number) from months)
),

valued as (
    select
        people.*,
        coalesce(judged.calls, 0) as calls,
        coalesce(judged.has_calls, false) as has_calls,
        people.pace * judged.after_call as deals_after_call,
        people.pace * judged.without_call as deals_without_call,
        coalesce(judged.evidence, 'none') as evidence,
        coalesce(of_rep.estimated_rate, of_branch.estimated_rate, company.estimated_rate) as win_rate,
        amounts.mean_amount
    from people
    cross join (select max(estimated_rate) as estimated_rate from rates where scope = 'company') as company
    left join judged on people.situation = judged.situation
    left join rates as of_rep on of_rep.scope = 'rep' and people.rep_id = of_rep.entity_id
    left join rates as of_branch on of_branch.scope = 'branch' and people.branch_id = of_branch.entity_id
    left join amounts on people.partner_id = amounts.partner_id
)

select
    rep_id,
    branch_id,
    partner_id,
    situation,
    calls,
    round(deals_after_call, 6) as deals_after_call,
    round(deals_without_call, 6) as deals_without_call,
    evidence as call_evidence,
    round(win_rate, 6) as win_rate,
    {{ round_money('mean_amount') }} as win_amount,
    case
        when evidence = 'none' then null
        else {{ round_money('(deals_after_call - deals_without_call) * win_rate * mean_amount') }}
    end as call_value,
    case
        when not has_calls then 'few_calls'
        when evidence = 'none' then 'no_difference'
        when win_rate is null then 'no_win_rate'
        when mean_amount is null then 'no_deal_of_partner'
    end as no_value_reason
from valued
