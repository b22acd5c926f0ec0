-- The KPI marts, written once by hand for this engine alone from the same facts and dimensions: what the benchmark holds the
-- models against. Tables go to the schema `hand`; ${n_min} and the like are the project's vars.
create or replace schema hand;

-- The scope of a row of grouping sets by branch, partner, today's branch and today's partner, or by the first two of them.
create macro hand_scope(groups) as case
    when groups in (1, 7) then 'branch' when groups in (2, 11) then 'partner' when groups = 13 then 'branch now'
    when groups = 14 then 'partner now' else 'company' end;

create macro hand_rate(n, d, least) as case when d >= least then n::double / d end;
create macro hand_fiscal(month) as month - interval 3 month;
create macro hand_year(month) as year(hand_fiscal(month))::int;
create macro hand_half(month) as if(month(hand_fiscal(month)) <= 6, 'H1', 'H2');
create macro hand_quarter(month) as 'Q' || quarter(hand_fiscal(month));
create macro hand_is_over(next_day) as next_day <= (select as_of + 1 from intermediate.int_as_of);
-- Months as numbers, so that a window of months is a range of integers.
create macro hand_number(day) as (year(day) * 12 + month(day))::int;

create table hand.won as
with months as (
    select deal_id, any_value(branch_id) as branch_id, any_value(partner_id) as partner_id, any_value(rep_id) as rep_id,
        any_value(channel_class) as channel_class, any_value(channel) as channel, recognized_month as month,
        sum(case when event_type in ('win', 'rewin') then 1 when event_type in ('reversal', 'cancel') then -1 else 0 end) as net,
        sum(amount) as amount
    from core.fct_revenue where is_counted group by deal_id, recognized_month
)
select * exclude (net), net > 0 and row_number() over (partition by deal_id, net > 0 order by month) = 1 as is_won from months;

create table hand.deals as
select deal_id, any_value(branch_id) as branch_id, any_value(partner_id) as partner_id, any_value(channel) as channel,
    any_value(rep_id) as rep_id, any_value(channel_class) as channel_class, min(entered_on) filter (stage = 'open') as open_on,
    min(entered_on) filter (stage = 'qualified') as qualified_on,
    min(entered_on) filter (stage = 'proposed') as proposed_on, min(entered_on) filter (stage = 'won') as won_on,
    min(entered_on) filter (stage = 'lost') as lost_on
from core.fct_stage_entries where is_counted group by deal_id;

create table hand.rep_monthly as
select rep_id, branch_id, partner_id, month, hand_is_over(month + interval 1 month) as is_complete,
    sum(deals_new)::bigint as deals_new, sum(referrals)::bigint as referrals,
    sum(deals_won)::bigint as deals_won, sum(won_amount)::decimal(18, 2) as won_amount
from (
    select rep_id, branch_id, partner_id, entered_month as month, 1 as deals_new, 0 as referrals, 0 as deals_won,
        0::decimal(18, 2) as won_amount
    from core.fct_stage_entries where stage = 'open' and is_counted
    union all
    select rep_id, branch_id, partner_id, month, 0, 1, 0, 0 from intermediate.int_referrals
    union all
    select rep_id, branch_id, partner_id, month, 0, 0, is_won::int, coalesce(amount, 0) from hand.won
) group by all;

create table hand.sums as
select branch_id, partner_id, channel_class, coalesce(channel, 'none') as channel, month, sum(deals_new) as deals_new,
    sum(deals_qualified) as deals_qualified, sum(deals_lost) as deals_lost, sum(deals_won) as deals_won, sum(amount) as amount,
    sum(amount) filter (channel_class = 'direct') as direct, sum(amount) filter (channel_class = 'indirect') as indirect,
    sum(amount) filter (channel_class = 'unresolved') as unresolved, sum(referrals) as referrals, sum(sessions) as sessions,
    bool_or(is_deal) as has_deals, sum(amount_now) as amount_now
from (
    select branch_id, partner_id, channel, channel_class, entered_month as month, (stage = 'open')::int as deals_new,
        (stage = 'qualified')::int as deals_qualified, (stage = 'lost')::int as deals_lost, 0 as deals_won,
        null::decimal(18, 2) as amount, 0 as referrals, 0 as sessions, true as is_deal, null::decimal(18, 2) as amount_now
    from core.fct_stage_entries where is_counted
    union all
    select branch_id, partner_id, channel, channel_class, month, 0, 0, 0, is_won::int, amount, 0, 0, true, null from hand.won
    union all
    select branch_id, partner_id, null, null, month, 0, 0, 0, 0, null, 1, 0, false, null from intermediate.int_referrals
    union all
    select branch_id, partner_id, null, null, occurred_month, 0, 0, 0, 0, null, 0, 1, false, null
    from core.fct_activities where activity_type = 'study_session' and status = 'held' and reps_attended > 0
    union all
    -- Money by today's branches, split where a branch was.
    select branch_id_current, null, null, null, date_trunc('month', recognized_on)::date, 0, 0, 0, 0, null, 0, 0, false, amount
    from attribution.current_credit where is_counted
) group by all;

create table hand.branch_channel_monthly as
select branch_id, partner_id, channel_class, channel, month, hand_is_over(month + interval 1 month) as is_complete,
    deals_new::bigint as deals_new, deals_qualified::bigint as deals_qualified,
    deals_won::bigint as deals_won, deals_lost::bigint as deals_lost, coalesce(amount, 0)::decimal(18, 2) as won_amount
from hand.sums where has_deals;

-- Who counts at which branch, of which partner and in which month, as what: known 1, contacted 2, contactable 4, trained in the
-- fiscal year 8, active 16, producing 32, trained in twelve months 256, added up; 512 and 1024 are contactable reps who were
-- trained, and trained ones who produce, anywhere.
create table hand.people as
with ends as (select *, hand_number(month) as n from intermediate.int_months),
posts as (
    select rep_id, branch_id, valid_from, valid_to from intermediate.int_rep_posts where branch_id is not null
    union
    -- Of concurrent posts without a primary one each counts.
    select rep_id, at_once.branch_id, greatest(posts.valid_from, at_once.valid_from), least(posts.valid_to, at_once.valid_to)
    from intermediate.int_rep_posts as posts inner join core.dim_rep_assignment as at_once using (rep_id)
    where posts.branch_id is null and at_once.valid_from < posts.valid_to and posts.valid_from < at_once.valid_to
),
reached as (
    select distinct rep_id, month, month_end
    from (
        select rep_id, max(occurred_on) as contacted_on from core.fct_attendance
        where is_two_way_touch and rep_id is not null group by rep_id, occurred_month
    ) inner join ends on contacted_on <= month_end and contacted_on > month_end - ${contact_window_days}
    inner join intermediate.int_contact_points as points
        on rep_id = owner_id and owner_type = 'rep' and points.valid_from <= month_end and month_end < points.valid_to
),
trained as (
    select distinct touches.rep_id, touches.branch_id, touches.occurred_month as month
    from core.fct_attendance as touches
    semi join (select activity_id from core.fct_activities where activity_type = 'study_session') using (activity_id)
    where is_attended and rep_id is not null and branch_id is not null
),
at_branches as (
    select 2 as kind, rep_id, branch_id, occurred_month as month from core.fct_attendance
    where is_live_touch and rep_id is not null group by all
    union all
    select 1, rep_id, branch_id, month from posts inner join ends on valid_from <= month_end and month_end < valid_to
    union all
    select 4, rep_id, branch_id, month from reached inner join posts using (rep_id)
    where valid_from <= month_end and month_end < valid_to
    union all
    select 256 + if(hand_year(ends.month) = hand_year(trained.month), 8, 0), rep_id, branch_id, ends.month from trained
    inner join ends on ends.month >= trained.month and ends.n < hand_number(trained.month) + 12
),
counted as (
select rep_id, branch_id, partner_id, month, bit_or(kind) as kinds
from (
    select kind, rep_id, branch_id, partner_id, month from at_branches inner join core.dim_branch using (branch_id)
    union all
    select kind, rep_id, branch_id, partner_id, ends.month
    from (
        select 16 as kind, *, unnest(range(hand_number(month), hand_number(month) + ${active_window_months})) as n
        from hand.rep_monthly where deals_new > 0 or referrals > 0
        union all
        select 32, *, unnest(range(hand_number(month), hand_number(month) + 12)) from hand.rep_monthly where deals_won > 0
    ) inner join ends using (n) where rep_id != 'NONE'
) group by all
)
select rep_id, branch_id, partner_id, month,
    kinds + if(kinds & 4 > 0 and anywhere & 256 > 0, 512, 0) + if(kinds & 256 > 0 and anywhere & 32 > 0, 1024, 0) as kinds
from counted inner join (
    select rep_id, month, bit_or(kinds) as anywhere from counted group by all
) using (rep_id, month);

-- Every scope at once: a branch's, a partner's and the company's rows, of their day and as they stand today.
create table hand.monthly as
with places as (
    select branch_id, partner_id, current_branch_id as branch_now, current_partner_id as partner_now, is_sentinel, opened_on,
        closed_on
    from core.dim_branch
),
heads as (
    select branch_id, partner_id, branch_now, partner_now, month, sales_headcount
    from (
        select branch_id, as_of as valid_from,
            coalesce(lead(as_of) over (partition by branch_id order by as_of), date '9999-12-31') as valid_to, sales_headcount
        from staging.stg_branch_profiles where sales_headcount is not null
    ) inner join intermediate.int_months
        on valid_from <= month_end and month_end < valid_to
    inner join places using (branch_id)
    where month_end < coalesce(closed_on, date '9999-12-31')
),
summed as (
    select hand_scope(grouping(branch_id, partner_id, branch_now, partner_now)) as scope,
        coalesce(branch_id, partner_id, branch_now, partner_now, 'ALL') as id, month,
        sum(deals_new) as deals_new, sum(deals_qualified) as deals_qualified, sum(deals_won) as deals_won,
        sum(deals_lost) as deals_lost, sum(amount) as amount, sum(direct) as direct, sum(indirect) as indirect,
        sum(unresolved) as unresolved, sum(referrals) as referrals, sum(sessions) as sessions,
        sum(amount_now) as amount_now,
        sum(if(channel in ('referral', 'matching'), deals_new, -deals_new)) filter (branch_id != 'DIRECT') as referred
    from (
        select sums.*, branch_now, partner_now from hand.sums inner join places using (branch_id)
    ) group by grouping sets ((branch_id, month), (partner_id, month), (branch_now, month), (partner_now, month), (month))
),
-- Known and producing reps at branches that declare a headcount, or live on in one that does, are 64 and 128.
counted_people as (
    select rep_id, people.branch_id, people.partner_id, places.branch_now, places.partner_now, people.month,
        kinds + if(heads.branch_id is null, 0, 4 * (kinds & 32) + if(closed_on <= month_end, 0, 64 * (kinds & 1))) as kinds
    from hand.people inner join places using (branch_id) inner join intermediate.int_months using (month)
    left join heads on people.month = heads.month
        and if(closed_on <= month_end, places.branch_now, people.branch_id) = heads.branch_id
),
persons as (
    select scope, id, month, count(*) filter (kinds & 64 > 0) as known_counted,
        count(*) filter (kinds & 128 > 0) as producing_counted, count(*) filter (kinds & 1 > 0) as known,
        count(*) filter (kinds & 2 > 0) as contacted,
        count(*) filter (kinds & 4 > 0) as contactable, count(*) filter (kinds & 8 > 0) as trained,
        count(*) filter (kinds & 256 > 0) as trained_lately, count(*) filter (kinds & 512 > 0) as contactable_trained,
        count(*) filter (kinds & 1024 > 0) as trained_producing,
        count(*) filter (kinds & 16 > 0) as active, count(*) filter (kinds & 32 > 0) as producing
    from (
        select hand_scope(grouping(branch_id, partner_id, branch_now, partner_now)) as scope,
            coalesce(branch_id, partner_id, branch_now, partner_now, 'ALL') as id, month, bit_or(kinds) as kinds
        from counted_people
        group by grouping sets (
            (branch_id, month, rep_id), (partner_id, month, rep_id), (branch_now, month, rep_id), (partner_now, month, rep_id),
            (month, rep_id)
        )
    ) group by scope, id, month
),
headcounts as (
    select hand_scope(grouping(branch_id, partner_id, branch_now, partner_now)) as scope,
        coalesce(branch_id, partner_id, branch_now, partner_now, 'ALL') as id, month,
        sum(sales_headcount) as headcount
    from heads
    group by grouping sets ((branch_id, month), (partner_id, month), (branch_now, month), (partner_now, month), (month))
),
starts as (
    select 'branch' as scope, branch_id as id,
        least(date_trunc('month', opened_on), first_month) as since,
        is_sentinel
    from places left join (
        select branch_id, min(month) as first_month from (
            select branch_id, min(entered_month) as month from core.fct_stage_entries group by 1
            union all select branch_id, min(recognized_month) from core.fct_revenue group by 1
            union all select branch_id, min(month) from intermediate.int_referrals group by 1
            union all select branch_id, min(occurred_month) from core.fct_activities group by 1
        ) group by 1
    ) using (branch_id)
),
branch_grid as (
    select scope, id, month
    from starts inner join intermediate.int_months on month >= since or (since is null and not is_sentinel)
),
grid_now as (
    select distinct 'branch now' as scope, branch_id_current as id, month
    from branch_grid inner join intermediate.int_branch_successors on id = branch_id
),
nobody as (
    select hand_scope(grouping(branch_id, partner_id, branch_now, partner_now)) as scope,
        coalesce(branch_id, partner_id, branch_now, partner_now, 'ALL') as id, ends.month, sum(wins) as unassigned
    from (
        select rep_monthly.branch_id, rep_monthly.partner_id, branch_now, partner_now, deals_won as wins,
            unnest(range(hand_number(month), hand_number(month) + 12)) as n
        from hand.rep_monthly inner join places on rep_monthly.branch_id = places.branch_id
        where rep_id = 'NONE' and deals_won > 0
    ) inner join (select month, hand_number(month) as n from intermediate.int_months) as ends using (n)
    group by grouping sets (
        (branch_id, ends.month), (partner_id, ends.month), (branch_now, ends.month), (partner_now, ends.month), (ends.month)
    )
),
grid as (
    from branch_grid
    union all
    from grid_now
    union all
    select 'partner now', partner_now, months.month from (
        select partner_now, min(month) as since from grid_now inner join places on id = branch_id group by 1
    ) inner join intermediate.int_months as months on months.month >= since
    union all
    select 'partner', partner_id, months.month from (
        select partner_id, min(month) as since from (
            select partner_id, month from branch_grid inner join core.dim_branch on id = branch_id
            union all select partner_id, month from hand.rep_monthly
        ) group by 1
    ) inner join intermediate.int_months as months on months.month >= since
    union all
    select 'company', 'ALL', month from intermediate.int_months
)
select scope, id, month, coalesce(deals_new, 0)::bigint as deals_new, coalesce(deals_qualified, 0)::bigint as deals_qualified,
    coalesce(deals_won, 0)::bigint as deals_won, coalesce(deals_lost, 0)::bigint as deals_lost,
    coalesce(if(scope in ('branch now', 'partner now'), amount_now, amount), 0)::decimal(18, 2) as won_amount,
    coalesce(direct, 0)::decimal(18, 2) as won_amount_direct,
    coalesce(indirect, 0)::decimal(18, 2) as won_amount_indirect,
    coalesce(unresolved, 0)::decimal(18, 2) as won_amount_unresolved,
    coalesce(referrals, 0)::bigint as referrals, coalesce(sessions, 0)::bigint as sessions_held,
    coalesce(contacted, 0)::bigint as reps_contacted, headcount::bigint as headcount, coalesce(known, 0)::bigint as reps_known,
    coalesce(contactable, 0)::bigint as reps_contactable, coalesce(trained, 0)::bigint as reps_trained,
    coalesce(contactable_trained, 0)::bigint as trained_rate_numerator,
    coalesce(trained_producing, 0)::bigint as producing_rate_numerator,
    coalesce(trained_lately, 0)::bigint as producing_rate_denominator,
    coalesce(active, 0)::bigint as reps_active, coalesce(producing, 0)::bigint as reps_producing_t12m, referred,
    coalesce(unassigned, 0)::bigint as unassigned_wins_t12m,
    if(headcount is null, null, coalesce(known_counted, 0)) as known_rate_numerator,
    if(headcount is null, null, coalesce(producing_counted, 0)) as rep_penetration_numerator
from grid left join summed using (scope, id, month) left join persons using (scope, id, month)
left join headcounts using (scope, id, month) left join nobody using (scope, id, month);

-- With the rates, and a table for each scope.
create view hand.rated as
select *, hand_year(month) as fiscal_year, hand_half(month) as fiscal_half,
    hand_quarter(month) as fiscal_quarter, deals_won as win_rate_month_numerator,
    deals_won + deals_lost as win_rate_month_denominator, hand_rate(deals_won, deals_won + deals_lost, ${n_min}) as win_rate_month,
    headcount as known_rate_denominator, hand_rate(known_rate_numerator, headcount, 1) as known_rate,
    hand_rate(reps_contactable, reps_known, 1) as contactable_rate,
    hand_rate(trained_rate_numerator, reps_contactable, 1) as trained_rate, reps_contactable as trained_rate_denominator,
    hand_rate(producing_rate_numerator, producing_rate_denominator, 1) as producing_rate, headcount as rep_penetration_denominator,
    hand_rate(rep_penetration_numerator, headcount, 1) as rep_penetration
from hand.monthly inner join intermediate.int_months using (month);

create table hand.branch_monthly as select *, id as branch_id
from hand.rated inner join (select branch_id as id, partner_id, is_sentinel from core.dim_branch) using (id)
where scope = 'branch';
create table hand.partner_monthly as select *, id as partner_id from hand.rated where scope = 'partner';
create table hand.branch_monthly_as_is as select *, id as branch_id, current_partner_id as partner_id
from hand.rated left join (select branch_id as id, current_partner_id from core.dim_branch) using (id) where scope = 'branch now';
create table hand.partner_monthly_as_is as select *, id as partner_id from hand.rated where scope = 'partner now';
create table hand.company_monthly as
select *, won_amount_indirect as indirect_ratio_numerator,
    (won_amount_indirect + won_amount_direct)::decimal(18, 2) as indirect_ratio_denominator,
    case when won_amount_indirect + won_amount_direct > 0
        then won_amount_indirect::double / (won_amount_indirect + won_amount_direct) end as indirect_ratio
from hand.rated where scope = 'company';

-- Windows as running sums of what begins (1) and ends (-1) to count.
create table hand.changes as
with together as (from core.fct_activities where activity_type = 'joint_visit' and status = 'held'),
visits as (
    select deal_id, min(occurred_on) as visited_on
    from (
        select deal_id, occurred_on from together where deal_id is not null
        union all
        select deals.deal_id, occurred_on
        from (select activity_id, occurred_on from together where deal_id is null)
        inner join (select activity_id, rep_id from core.fct_attendance where is_attended) using (activity_id)
        inner join hand.deals as deals using (rep_id) where occurred_on between open_on and won_on
    ) group by deal_id
),
dated as (
    select branch_id, partner_id, hand_number(qualified_on) as q, hand_number(won_on) as w, hand_number(lost_on) as l,
        coalesce(hand_number(least(
            won_on, lost_on, if(qualified_on + ${stale_days} <= as_of, qualified_on + ${stale_days}, null)
        )), 999999) as e,
        open_on + ${cohort_mature_days} as ripe_on, if(ripe_on <= as_of, hand_number(ripe_on), null) as c,
        branch_id in (select branch_id from core.fct_activities) as is_logged,
        coalesce(visited_on <= won_on, false) as is_visited
    from hand.deals cross join intermediate.int_as_of left join visits using (deal_id) where channel_class != 'direct'
),
spans as (
    select branch_id, partner_id, unnest([
        {'m': 'closed', 'f': l, 't': l + 3}, {'m': 'closed_year', 'f': l, 't': l + 12},
        {'m': 'cycle_deals', 'f': w, 't': w + 12}, {'m': 'logged_wins', 'f': if(is_logged, w, null), 't': w + 12},
        {'m': 'self_run_wins', 'f': if(is_logged and not is_visited, w, null), 't': w + 12},
        {'m': 'cohort_deals', 'f': c, 't': c + 12},
        {'m': 'cohort_qualified', 'f': if(q is null, null, greatest(c, q)), 't': c + 12},
        {'m': 'cohort_won', 'f': if(w is null, null, greatest(c, w)), 't': c + 12}, {'m': 'open_qualified', 'f': q, 't': e}
    ]) as s, 1::decimal(18, 2) as v
    from dated
    union all
    select branch_id, partner_id, {'m': 'won_amount', 'f': hand_number(month), 't': hand_number(month) + 12}, amount
    from hand.won where channel_class != 'direct'
    union all
    select branch_id, partner_id, unnest([
        {'m': 'deals_won', 'f': hand_number(month), 't': hand_number(month) + 12},
        {'m': 'closed_year', 'f': hand_number(month), 't': hand_number(month) + 12},
        {'m': 'closed', 'f': hand_number(month), 't': hand_number(month) + 3},
        {'m': 'closed_won', 'f': hand_number(month), 't': hand_number(month) + 3}
    ]), 1
    from hand.won where channel_class != 'direct' and is_won
),
turns as (
    select branch_id, partner_id, s.m as m, unnest([s.f, s.t]) as n, unnest([v, -v]) as v from spans where s.f < s.t
)
pivot turns on m in (
    'won_amount', 'deals_won', 'closed', 'closed_won', 'cycle_deals', 'logged_wins', 'self_run_wins', 'cohort_deals',
    'cohort_qualified', 'cohort_won', 'open_qualified', 'closed_year'
) using sum(v) group by branch_id, partner_id, n;

create table hand.performance as
with scoped as (
    select hand_scope(grouping(branch_id, partner_id)) as scope, coalesce(branch_id, partner_id, 'ALL') as id, n,
        false as wanted, sum(columns(* exclude (branch_id, partner_id, n)))
    from hand.changes group by grouping sets ((branch_id, n), (partner_id, n), (n))
),
grid as (
    select scope, id, hand_number(month) as n, true as wanted
    from hand.monthly where scope in ('branch', 'partner') and id != 'DIRECT'
    union all
    select distinct 'company', 'ALL', hand_number(month), true from hand.monthly where scope = 'partner' and id != 'DIRECT'
),
running as (
    select scope, id, n, wanted, sum(coalesce(columns(* exclude (scope, id, n, wanted)), 0)) over (
        partition by scope, id order by n
    )
    from (from scoped union all by name from grid)
),
months as (select *, hand_number(month) as n from intermediate.int_months),
sizes as (
    select hand_scope(grouping(branch_id, partner_id)) as scope, coalesce(branch_id, partner_id, 'ALL') as id, n,
        median(amount) as median_deal
    from (
        select branch_id, partner_id, amount, hand_number(month) as won_n
        from hand.won where channel_class != 'direct' and is_won
    ) inner join months on won_n <= n and won_n > n - 12 group by grouping sets ((branch_id, n), (partner_id, n), (n))
),
cycles as (
    select hand_scope(grouping(branch_id, partner_id)) as scope, coalesce(branch_id, partner_id, 'ALL') as id, n,
        median(date_diff('day', open_on, won_on)) as cycle_days
    from (select *, hand_number(won_on) as won_n from hand.deals where won_on is not null and channel_class != 'direct')
    inner join months on won_n <= n and won_n > n - 12 group by grouping sets ((branch_id, n), (partner_id, n), (n))
),
winners as (
    select rep_id, branch_id, partner_id, hand_number(month) as won_n
    from hand.rep_monthly where deals_won > 0 and rep_id != 'NONE'
),
kept as (
    select scope, id, n, count(*) filter (was) as producers_before, count(*) filter (was and still) as producers_kept
    from (
        select hand_scope(grouping(branch_id, partner_id)) as scope, coalesce(branch_id, partner_id, 'ALL') as id,
            rep_id, n, bool_or(won_n > n - 6) as still, bool_or(won_n <= n - 6) as was
        from winners inner join months on won_n <= n and won_n > n - 12
        group by grouping sets ((branch_id, rep_id, n), (partner_id, rep_id, n), (rep_id, n))
    ) group by all
),
standing as (
    select hand_scope(grouping(branch_id, dim_branch.partner_id)) as scope,
        coalesce(branch_id, dim_branch.partner_id, 'ALL') as id, rep_id, hand_number(month) as n
    from hand.people inner join core.dim_branch using (branch_id) where kinds & 1 > 0
    group by grouping sets ((branch_id, rep_id, month), (dim_branch.partner_id, rep_id, month), (rep_id, month))
),
leavers as (select scope, id, rep_id, n + 3 as n from standing except from standing),
made as (
    select hand_scope(grouping(branch_id, partner_id)) as scope, coalesce(branch_id, partner_id, 'ALL') as id, rep_id,
        hand_number(month) as made_n, sum(won_amount) as amount
    from hand.rep_monthly
    group by grouping sets ((branch_id, rep_id, month), (partner_id, rep_id, month), (rep_id, month))
),
gone as (
    select scope, id, n, sum(amount) as revenue_at_risk
    from leavers inner join made using (scope, id, rep_id) where made_n <= n and made_n > n - 12 group by all
),
company as (
    select hand_number(month) as n, sum(won_amount) over (order by month rows 11 preceding) as all_won from hand.company_monthly
),
measured as (
    select running.*, month, is_complete, has_twelve_months, all_won,
        if(deals_won >= ${n_min}, sizes.median_deal, null) as median_deal,
        if(cycle_deals >= ${n_min}, cycle_days, null) as cycle_days,
        coalesce(sum(won_amount) filter (scope = 'partner' and id != 'UNRESOLVED') over (partition by n), 0) as all_partners,
        if(won_amount > 0, hand_rate(won_amount, deals_won, ${n_min}), null) as avg_deal,
        hand_rate(closed_won, closed, ${n_min}) as win_rate, hand_rate(deals_won, closed_year, ${n_min}) as win_rate_t12m,
        coalesce(producers_before, 0) as before, coalesce(producers_kept, 0) as kept, coalesce(revenue_at_risk, 0) as at_risk
    from running inner join months using (n) left join company using (n) left join sizes using (scope, id, n)
    left join cycles using (scope, id, n) left join kept using (scope, id, n) left join gone using (scope, id, n)
    where wanted
)
select scope, id as entity_id, month, hand_year(month) as fiscal_year,
    hand_half(month) as fiscal_half, hand_quarter(month) as fiscal_quarter, is_complete, has_twelve_months,
    won_amount::decimal(18, 2) as won_amount_t12m, deals_won::bigint as deals_won_t12m, avg_deal,
    round(median_deal, 0)::decimal(18, 2) as median_deal, all_partners::decimal(18, 2) as partner_share_denominator,
    case when scope != 'company' and id != 'UNRESOLVED' and all_partners > 0 then won_amount::double / all_partners::double end
        as partner_share,
    coalesce(all_won, 0)::decimal(18, 2) as company_share_denominator,
    case when all_won > 0 then won_amount::double / all_won::double end as company_share, cycle_deals::bigint as cycle_deals,
    cycle_days::double as cycle_days, closed_won::bigint as win_rate_numerator, closed::bigint as win_rate_denominator, win_rate,
    deals_won::bigint as win_rate_t12m_numerator, closed_year::bigint as win_rate_t12m_denominator, win_rate_t12m,
    cohort_qualified::bigint as qualify_rate_numerator, cohort_deals::bigint as qualify_rate_denominator,
    hand_rate(cohort_qualified, cohort_deals, ${n_min}) as qualify_rate, cohort_won::bigint as win_rate_cohort_numerator,
    cohort_deals::bigint as win_rate_cohort_denominator, hand_rate(cohort_won, cohort_deals, ${n_min}) as win_rate_cohort,
    open_qualified::bigint as open_qualified,
    open_qualified * win_rate_t12m * avg_deal / if(cycle_days < 1, 1, cycle_days) as velocity,
    self_run_wins::bigint as self_run_ratio_numerator, logged_wins::bigint as self_run_ratio_denominator,
    hand_rate(self_run_wins, logged_wins, ${n_min}) as self_run_ratio, kept::bigint as producer_retention_numerator,
    before::bigint as producer_retention_denominator, hand_rate(kept, before, 1) as producer_retention,
    at_risk::decimal(18, 2) as revenue_at_risk
from measured;

-- The last twelve months of each scope; its months are dense, so rows before are months before.
create table hand.years as
select scope, id, month, sum(deals_won) over year as deals_won,
    sum(won_amount) over year as won_amount, count(*) over year as months, sum(referred) over year > 0 as is_referral,
    sum(deals_new) over (partition by scope, id order by month rows ${active_window_months} - 1 preceding) as deals_new_lately,
    sum(deals_new) over (partition by scope, id order by month rows unbounded preceding) as deals_new_ever
from hand.monthly where scope in ('branch', 'partner', 'company')
window year as (partition by scope, id order by month rows 11 preceding);

create table hand.rep_concentration as
with rep_years as (
    select branch_id, rep_id, n, sum(deals_won) as wins, sum(won_amount) as amount
    from (
        select *, unnest(range(hand_number(month), hand_number(month) + 12)) as n from hand.rep_monthly
        where deals_won > 0 or won_amount != 0
    ) group by branch_id, rep_id, n
),
reps as (
    select branch_id, partner_id, n, greatest(amount, 0)::decimal(18, 2) as amount
    from rep_years inner join core.dim_branch using (branch_id) where rep_id != 'NONE' and wins > 0 and not is_sentinel
),
medians as (
    select partner_id, n, count(*) as producers, median(amount) as median_amount
    from reps group by grouping sets ((partner_id, n), (n))
),
money as (
    -- Squares are summed as decimals: a sum of floats depends on the order of its rows.
    select branch_id, n, sum(amount) as amount, max(amount)::double as top, median(amount) as median_amount,
        sum(amount::decimal(19, 2) * amount::decimal(19, 2))::double as squares
    from reps group by branch_id, n
),
deals as (
    select scope, entity_id as id, month, median_deal, win_rate_t12m, win_rate_t12m_numerator, win_rate_t12m_denominator
    from hand.performance
),
measured as (
    select scope, id, branch_id, partner_id, month, fiscal_year, fiscal_half, fiscal_quarter, is_complete, has_twelve_months,
        reps_producing_t12m as producing_reps, headcount, rep_penetration, coalesce(nobody.wins, 0)::bigint as unassigned_wins,
        coalesce(nobody.amount, 0)::decimal(18, 2) as unassigned_amount, deals.median_deal,
        usual.median_deal as reference_median_deal,
        case when headcount is null then null when reps_producing_t12m >= ${headroom_min_reps} then 'branch'
            when of_partner.producers >= ${headroom_min_reps} then 'partner' when of_all.median_amount is not null then 'company'
        end as headroom_basis,
        round(case headroom_basis when 'branch' then money.median_amount when 'partner' then of_partner.median_amount
            else of_all.median_amount end, 0)::decimal(18, 2) as headroom_rep_amount,
        coalesce(money.amount, 0)::decimal(18, 2) as reps_won_amount,
        if(money.amount > 0, squares / power(money.amount::double, 2), null) as rep_hhi,
        if(money.amount > 0, top / money.amount::double, null) as top_rep_share,
        round(money.median_amount, 0)::decimal(18, 2) as median_rep_amount,
        if(headcount is not null, greatest(${target_penetration} * headcount - producing_reps, 0), null) as missing,
        if(headcount is not null, greatest(${target_penetration} * headcount - producing_reps - unassigned_wins, 0), null)
            as missing_least,
        deals.win_rate_t12m_numerator, deals.win_rate_t12m_denominator, deals.win_rate_t12m,
        usual.win_rate_t12m as reference_win_rate,
        case when is_first_year then null
            when producing_reps + unassigned_wins < ${target_penetration} * headcount then 'widen_contacts'
            when producing_reps < ${target_penetration} * headcount then 'name_reps' when headcount is null then null
            when deals.win_rate_t12m < reference_win_rate then 'raise_win_rate' when deals.win_rate_t12m is null then null
            when deals.median_deal < reference_median_deal then 'raise_deal_size'
            when deals.median_deal >= reference_median_deal then 'cross_sell' end as lever
    from (select *, hand_number(month) as n from hand.branch_monthly) as branch_monthly
    left join deals using (scope, id, month)
    left join (from deals where scope = 'company') as usual using (month)
    left join (select branch_id as id, * exclude (branch_id) from money) as money using (id, n)
    left join (select branch_id as id, n, wins, amount from rep_years where rep_id = 'NONE') as nobody using (id, n)
    left join (from medians where partner_id is not null) as of_partner using (partner_id, n)
    left join (select n, median_amount from medians where partner_id is null) as of_all using (n)
    where not is_sentinel
)
select *, 1 / rep_hhi as effective_reps, missing::double as headroom_reps,
    round((missing * ${headroom_ramp})::decimal(19, 4) * headroom_rep_amount, 0)::decimal(18, 2) as headroom_amount,
    missing_least::double as headroom_reps_min,
    round((missing_least * ${headroom_ramp})::decimal(19, 4) * headroom_rep_amount, 0)::decimal(18, 2) as headroom_amount_min,
    case lever
        when 'name_reps' then format(
            '{} of {} salespeople are known to have won, and {} wins are nobody''s: find out whose first.',
            producing_reps, headcount, unassigned_wins
        )
        when 'cross_sell' then format(
            '{} of {} salespeople sell and win {} of {} closed deals, as large as elsewhere: sell more to the same customers.',
            producing_reps, headcount, win_rate_t12m_numerator, win_rate_t12m_denominator
        )
        when 'widen_contacts'
            then format(
                '{} of {} salespeople are known to have won in twelve months: reach more of them.', producing_reps, headcount
            )
        when 'raise_win_rate' then format(
            '{} of {} salespeople sell, but {} wins of {} closed deals are below the usual {} %: help them win.',
            producing_reps, headcount, win_rate_t12m_numerator, win_rate_t12m_denominator, round(100 * reference_win_rate)::int
        )
        when 'raise_deal_size' then format(
            '{} of {} salespeople sell and win {} of {} closed deals, smaller ones than elsewhere: raise the deal size.',
            producing_reps, headcount, win_rate_t12m_numerator, win_rate_t12m_denominator
        )
    end as lever_reason,
    case lever
        when 'name_reps' then format(
            '営業{}名のうち12か月の受注が確認できたのは{}名、担当不明の受注が{}件。まず担当を確認する。',
            headcount, producing_reps, unassigned_wins
        )
        when 'cross_sell' then format(
            '営業{}名中{}名が受注し、決着{}件中{}件を受注、単価も全体並み以上。同じ顧客への販売を広げる。',
            headcount, producing_reps, win_rate_t12m_denominator, win_rate_t12m_numerator
        )
        when 'widen_contacts' then format('営業{}名のうち12か月の受注が確認できたのは{}名。接点を広げる。', headcount, producing_reps)
        when 'raise_win_rate' then format(
            '営業{}名中{}名が受注。ただし決着{}件中の受注{}件は全体の受注率{}%を下回る。受注率を上げる。',
            headcount, producing_reps, win_rate_t12m_denominator, win_rate_t12m_numerator, round(100 * reference_win_rate)::int
        )
        when 'raise_deal_size' then format(
            '営業{}名中{}名が受注し、決着{}件中{}件を受注。ただし単価は全体の中央値を下回る。単価を上げる。',
            headcount, producing_reps, win_rate_t12m_denominator, win_rate_t12m_numerator
        )
    end as lever_reason_ja
from measured;

create table hand.network_monthly as
with branches as (
    select entity_id as branch_id, started_on as since, ended_on as until
    from intermediate.int_contracts where entity_type = 'branch'
),
partners as (
    select coalesce(corporate_number, partner_id) as company_id, started_on as since, ended_on as until
    from intermediate.int_contracts inner join core.dim_partner on entity_id = partner_id where entity_type = 'partner'
),
of_partners as (
    select month, count(distinct company_id) as contracted, count(distinct company_id) filter (since >= month) as signed
    from intermediate.int_months inner join partners on since <= month_end and month_end < until group by month
),
of_branches as (
    select month, count(*) as contracted
    from intermediate.int_months inner join branches on since <= month_end and month_end < until group by month
),
activity as (
    select month, count(*) filter (deals_new_lately > 0) as active,
        count(*) filter (deals_new_lately = 0 and deals_new_ever > 0) as dormant
    from hand.years inner join intermediate.int_months using (month) inner join core.dim_branch on id = branch_id
    where scope = 'branch' and not is_sentinel and month_end < coalesce(closed_on, date '9999-12-31') group by month
),
firsts as (
    select branch_id, any_value(signed_on) as signed_on, min(open_on) as open_on, min(won_on) as won_on
    from (select branch_id, min(since) as signed_on from branches group by branch_id)
    left join hand.deals using (branch_id) group by branch_id
),
activation as (
    -- What has not come by the month's end stands behind all that has.
    select month, count(*) as observed, count(*) filter (to_deal <= ${activation_days}) as activated, median(to_deal) as to_deal,
        median(to_win) as to_win
    from (
        select month, if(open_on <= month_end, greatest(open_on - signed_on, 0), 100000) as to_deal,
            if(won_on <= month_end, greatest(won_on - signed_on, 0), 100000) as to_win
        from firsts inner join intermediate.int_months
            on signed_on >= (select min(month) from intermediate.int_months) and signed_on <= month_end - ${activation_days}
            and signed_on > (month_end - interval 12 month)::date - ${activation_days}
    ) group by month
)
select 'company' as scope, 'ALL' as id, month, hand_year(month) as fiscal_year,
    hand_half(month) as fiscal_half, hand_quarter(month) as fiscal_quarter, is_complete,
    coalesce(of_partners.contracted, 0) as partners_contracted,
    coalesce(signed, 0) as partners_signed, coalesce(of_branches.contracted, 0) as branches_contracted,
    coalesce(active, 0) as branches_active, coalesce(dormant, 0) as dormant_units,
    hand_rate(dormant, active + dormant, 1) as dormancy_rate, coalesce(activated, 0) as activation_rate_numerator,
    coalesce(observed, 0) as activation_rate_denominator, hand_rate(activated, observed, ${n_min}) as activation_rate,
    if(to_deal < 50000 and observed >= ${n_min}, to_deal, null)::double as ttfd,
    if(to_win < 50000 and observed >= ${n_min}, to_win, null)::double as ttfw
from intermediate.int_months left join of_partners using (month) left join of_branches using (month)
left join activity using (month) left join activation using (month);

create table hand.target_path as
with targets as (
    select metric, scope, coalesce(scope_id, 'ALL') as id, baseline::double as baseline, baseline_on, target, deadline,
        (target - baseline)::double as way
    from staging.stg_targets
    qualify row_number() over (
        partition by metric, scope, scope_id, deadline order by extracted_on desc, source_name, file_name, row_number
    ) = 1 and next_extracted_on is null
),
dated as (
    select * replace (month::date as month), last_day(month)::date as month_end,
        date_diff('day', month_end, deadline) / 365.25 as years_left
    from (
        select *, unnest(generate_series(
            coalesce(date_trunc('month', baseline_on), (select min(month) from intermediate.int_months)),
            date_trunc('month', greatest(deadline, as_of)), interval 1 month
        )) as month from targets cross join intermediate.int_as_of
    )
),
ratios as (
    select month, 'company' as scope, sum(indirect_ratio_numerator) over year as indirect,
        sum(indirect_ratio_denominator) over year as placed
    from hand.company_monthly window year as (order by month rows 11 preceding)
),
measured as (
    select dated.*,
        case when month_end >= deadline then target::double
            when month_end >= baseline_on
                then baseline + way * date_diff('day', baseline_on, month_end) / date_diff('day', baseline_on, deadline)
        end as line,
        case when month_end > as_of then null when metric = 'won_amount' then won_amount::double
            when metric = 'deals_won' then deals_won::double
            when metric = 'indirect_ratio' and placed > 0 then indirect::double / placed::double end as actual
    from dated left join hand.years on dated.scope = years.scope and dated.id = years.id and dated.month = years.month
        and months = 12
    left join ratios on years.month = ratios.month and years.scope = ratios.scope
)
select metric, scope, id as entity_id, deadline, month, month_end <= as_of as is_complete, target::double as target,
    if(baseline is null, null, line) as path, actual, actual - path as path_gap,
    -- A share grows by points a year, an amount by a rate.
    case when years_left < 0.25 then null when metric like '%ratio' or metric like '%rate' then (target - actual) / years_left
        when actual > 0 then power(target::double / actual, 1 / years_left) - 1 end as required_growth
from measured;

-- The few figures that count in the phase of each company, partner and branch, now and a year before.
create table hand.scorecard as
with phases as (
    select scope, id, month, arg_max(phase, valid_from) as phase
    from (
        select scope, coalesce(scope_id, 'ALL') as id, phase, valid_from from staging.stg_phase_history
        qualify row_number() over (
            partition by scope, scope_id, valid_from order by extracted_on desc, source_name, file_name, row_number
        ) = 1 and next_extracted_on is null
    ) inner join intermediate.int_months on valid_from <= month_end group by scope, id, month
),
-- The sets of one day replace those of earlier days as a whole. The place of a metric is that in the list of figures below.
sets as (
    select month, phase, channel, metric, kpi_rank::int as kpi_rank, list_position([
        'deals_new', 'deals_qualified', 'deals_won', 'won_amount', 'referrals', 'sessions_held', 'reps_contacted',
        'reps_contactable', 'reps_trained', 'reps_active', 'reps_producing_t12m', 'rep_penetration', 'win_rate',
        'qualify_rate', 'win_rate_cohort', 'avg_deal', 'cycle_days', 'velocity', 'self_run_ratio', 'producer_retention',
        'revenue_at_risk', 'partner_share', 'company_share', 'effective_reps', 'rep_hhi', 'top_rep_share',
        'headroom_reps', 'headroom_amount', 'partners_contracted', 'branches_contracted', 'partners_signed',
        'branches_active', 'dormant_units', 'activation_rate', 'ttfd', 'ttfw'
    ], metric) as place
    from kpi.kpi_sets inner join intermediate.int_months on valid_from <= month_end
    qualify rank() over (partition by month, phase, channel order by valid_from desc) = 1
),
figures as (
    select was_scope as scope, rated.id, rated.month, hand_number(rated.month) as n, rated.fiscal_year, rated.fiscal_quarter,
        rated.is_complete, [
        -- The company is all partners together.
        (rated.deals_new - coalesce(direct.deals_new, 0))::double, rated.deals_qualified - coalesce(direct.deals_qualified, 0),
        rated.deals_won - coalesce(direct.deals_won, 0), rated.won_amount - coalesce(direct.won_amount, 0),
        rated.referrals - coalesce(direct.referrals, 0), rated.sessions_held - coalesce(direct.sessions_held, 0),
        rated.reps_contacted, rated.reps_contactable, rated.reps_trained, rated.reps_active,
        rated.reps_producing_t12m, rated.rep_penetration, performance.win_rate, qualify_rate, win_rate_cohort, avg_deal,
        cycle_days, velocity, self_run_ratio, producer_retention, revenue_at_risk, partner_share, company_share,
        effective_reps, rep_hhi, top_rep_share, headroom_reps, headroom_amount, partners_contracted, branches_contracted,
        partners_signed, branches_active, dormant_units, activation_rate, ttfd, ttfw
    ] as list
    from hand.rated
    -- Those with whom something can be done today, in today's organisation.
    inner join (
        select 'company' as was_scope, 'company' as scope, 'ALL' as id
        union all
        select 'partner', 'partner now', partner_id from core.dim_partner where not is_sentinel
        union all
        select 'branch', 'branch now', branch_id from core.dim_branch cross join intermediate.int_as_of
        where not is_sentinel and coalesce(closed_on > as_of, true)
    ) as entities using (scope, id)
    left join hand.rated as direct
        on rated.scope = 'company' and direct.scope = 'partner' and direct.id = 'DIRECT' and rated.month = direct.month
    left join hand.performance on was_scope = performance.scope and rated.id = entity_id and rated.month = performance.month
    left join hand.rep_concentration as reps on was_scope = reps.scope and rated.id = reps.id and rated.month = reps.month
    left join hand.network_monthly as net on was_scope = net.scope and rated.id = net.id and rated.month = net.month
),
placed as (
    select figures.*, if(is_referral, 'referral', 'resale') as channel, before.list as list_before,
        months_before.has_twelve_months as had_twelve_months,
        coalesce(own.phase, of_partner.phase, of_company.phase) as phase
    from figures inner join hand.years using (scope, id, month)
    left join figures as before on figures.scope = before.scope and figures.id = before.id and figures.n = before.n + 12
    left join intermediate.int_months as months_before on before.month = months_before.month
    left join (select 'branch' as scope, branch_id as id, partner_id from core.dim_branch) as branches
        on figures.scope = branches.scope and figures.id = branches.id
    left join phases as own on figures.scope = own.scope and figures.id = own.id and figures.month = own.month
    left join phases as of_partner
        on of_partner.scope = 'partner' and partner_id = of_partner.id and figures.month = of_partner.month
    left join phases as of_company on of_company.scope = 'company' and figures.month = of_company.month
),
targets as (
    select scope, entity_id as id, month, metric, path as target, actual as target_actual, path_gap as gap
    from hand.target_path
    qualify row_number() over (
        partition by scope, id, metric, month order by deadline < month, abs(date_diff('day', month, deadline))
    ) = 1
)
select scope, id as entity_id, month, fiscal_year, fiscal_quarter, is_complete, phase, channel, kpi_rank, metric,
    list[place] as actual, if(place < 10 or place between 29 and 31 or had_twelve_months, list_before[place], null)
        as actual_year_before, target, target_actual, gap
from placed inner join sets using (month, phase, channel) left join targets using (scope, id, month, metric)
where case scope when 'company' then place < 24 or place > 28 when 'partner' then place < 24 else place < 29 end;

-- Where a branch's funnel leaks: deals that entered a step in the window, which ends when the last of them had time enough.
create table hand.bottlenecks as
with windows as (
    select as_of, as_of - ${cohort_mature_days} as until, (until - interval (${bottleneck_window_months}) month)::date as since
    from intermediate.int_as_of
),
passages as (
    select branch_id, s.step as step_order, s.is_passed::int as is_passed, is_won
    from (
        select branch_id, won_on is not null as is_won, unnest([
            {'step': 1, 'since': open_on, 'is_passed': qualified_on is not null, 'is_skipped': qualified_on = open_on},
            {'step': 2, 'since': qualified_on, 'is_passed': proposed_on is not null, 'is_skipped': proposed_on = qualified_on},
            {'step': 3, 'since': proposed_on, 'is_passed': won_on is not null, 'is_skipped': won_on <= proposed_on}
        ]) as s
        from hand.deals where branch_id != 'DIRECT'
    ) inner join windows on s.since <= until and s.since > windows.since where not coalesce(s.is_skipped, false)
),
counted as (
    select branch_id, step_order, count(*) as entered, sum(is_passed)::bigint as passed,
        count(*) filter (is_won and is_passed = 1) as won
    from passages group by branch_id, step_order
),
-- A deal that passes a step still has to be won.
chances as (
    select step_order, hand_rate(sum(passed), sum(entered), ${n_min}) as reference_rate,
        coalesce(hand_rate(sum(won), sum(passed), 1), 0) as rate_after
    from counted group by step_order
),
won as (
    select branch_id, grouping(branch_id) = 1 as is_usual, sum(amount) as amount, count(*) filter (is_won) as wins,
        median(amount) filter (is_won) as median_deal
    from hand.won inner join intermediate.int_as_of on month > as_of - interval 12 month
    where channel_class != 'direct' group by grouping sets ((branch_id), ())
),
priced as (
    select *, if(pass_rate is not null and reference_rate is not null, greatest(entered * reference_rate - passed, 0), null)
            as deals_missing,
        round(deals_missing * rate_after * average_deal, 0)::decimal(18, 2) as lost_amount
    from (
        select counted.*, reference_rate, rate_after, hand_rate(passed, entered, ${n_min}) as pass_rate,
            coalesce(if(amount > 0, hand_rate(amount, wins, ${n_min}), null), (select median_deal::double from won where is_usual)) as average_deal
        from counted inner join chances using (step_order) left join won using (branch_id)
    )
)
select branch_id, partner_id, step, step_order, since as window_start, until as window_end, entered, passed, pass_rate,
    reference_rate, deals_missing, average_deal, lost_amount,
    coalesce(lost_amount > 0 and deals_missing >= 1 and row_number() over (
        partition by branch_id order by if(deals_missing >= 1, lost_amount, null) desc nulls last, step_order
    ) = 1, false) as is_bottleneck,
    play as recommended_play, play_ja as recommended_play_ja
from priced cross join windows inner join core.dim_branch using (branch_id)
inner join (values (1, 'open'), (2, 'qualified'), (3, 'proposed')) as steps (step_order, step) using (step_order)
left join kpi.plays using (step) where not is_sentinel;

-- What is open today, weighted by how often deals of its channel that stood there as long were won.
create table hand.pipeline as
with chances as (
    select channel, grouping(channel) as is_usual, is_direct, stage, age_days, count(won_on) as won, count(*) as decided
    from (
        select coalesce(channel, 'none') as channel, channel_class = 'direct' as is_direct, won_on, unnest([
            {'stage': 'open', 'since': open_on, 'until': least(qualified_on, won_on, lost_on)},
            {'stage': 'qualified', 'since': qualified_on, 'until': least(proposed_on, won_on, lost_on)},
            {'stage': 'proposed', 'since': proposed_on, 'until': least(won_on, lost_on)}
        ], recursive := true)
        from hand.deals
    ) cross join intermediate.int_as_of
    inner join (select unnest(${pipeline_ages}) as age_days) on least(coalesce(until, as_of), as_of) > since + age_days
        and since + age_days + ${cohort_mature_days} <= as_of
    group by grouping sets ((channel, is_direct, stage, age_days), (is_direct, stage, age_days))
),
counted as (
    select deals.branch_id, deals.partner_id, deals.channel_class, deals.channel_class = 'direct' as is_direct,
        coalesce(deals.channel, 'none') as channel,
        list_max(list_filter(
            ${pipeline_ages}, lambda days: coalesce(proposed_on, qualified_on, open_on) + days <= greatest(as_of, open_on)
        )) as age_days,
        case when proposed_on is not null then 'proposed' when qualified_on is not null then 'qualified' else 'open' end as stage,
        if(expected_close_on is null, null, date_trunc('month', greatest(expected_close_on, as_of)))::date as close_month,
        count(*) as open_deals, count(*) filter (expected_close_on < as_of) as overdue_deals,
        coalesce(sum(amount) filter (expected_close_on < as_of), 0) as overdue_amount, coalesce(sum(amount), 0) as amount
    from hand.deals inner join core.fct_deals using (deal_id) cross join intermediate.int_as_of
    where deals.won_on is null and lost_on is null group by all
)
select branch_id, partner_id, channel_class, counted.channel, stage, age_days, close_month, open_deals, overdue_deals,
    overdue_amount::decimal(18, 2) as overdue_amount, amount::decimal(18, 2) as pipeline_amount,
    if(own.decided >= ${n_min}, own.won, coalesce(usual.won, 0)) as win_probability_numerator,
    if(own.decided >= ${n_min}, own.decided, coalesce(usual.decided, 0)) as win_probability_denominator,
    hand_rate(win_probability_numerator, win_probability_denominator, ${n_min}) as win_probability,
    round(amount * win_probability, 0)::decimal(18, 2) as pipeline_weighted,
    round(overdue_amount * win_probability, 0)::decimal(18, 2) as overdue_weighted
from counted left join (from chances where is_usual = 0) as own using (is_direct, channel, stage, age_days)
left join (from chances where is_usual = 1) as usual using (is_direct, stage, age_days);

create table hand.sourced_monthly as
with had_part as (
    select hand_scope(grouping(branch_id, partner_id)) as scope, coalesce(branch_id, partner_id, 'ALL') as entity_id, deal_id
    from attribution.influence group by grouping sets ((deal_id, branch_id), (deal_id, partner_id), (deal_id))
),
registered as (
    select deal_id, min(submitted_at + interval 9 hour)::date as submitted_on from staging.stg_deal_registrations
    where deal_id is not null and status = 'approved' and coalesce(submitted_by, 'partner') = 'partner' group by deal_id
),
-- A lead that the vendor had passed on before is not the partner's own.
supplied as (
    select deal_id, min(passed_at + interval 9 hour)::date as passed_on from staging.stg_leads_supplied
    where deal_id is not null group by deal_id
),
sourced as (
    select deal_id from core.fct_deals left join registered using (deal_id) left join supplied using (deal_id)
    where channel_class = 'indirect' and (registered.deal_id is not null or channel in ('referral', 'matching'))
        and (supplied.deal_id is null or passed_on > coalesce(submitted_on, created_on, credit_on))
)
select scope, entity_id, month, hand_year(month) as fiscal_year, hand_is_over(month + interval 1 month) as is_complete,
    coalesce(sum(sourced), 0)::decimal(18, 2) as sourced_amount, coalesce(sum(influenced), 0)::decimal(18, 2) as influenced_amount
from (
    select hand_scope(grouping(branch_id, partner_id)) as scope, coalesce(branch_id, partner_id, 'ALL') as entity_id, month,
        sum(amount) as sourced, null::decimal(18, 2) as influenced
    from hand.won semi join sourced using (deal_id) group by grouping sets ((branch_id, month), (partner_id, month), (month))
    union all
    select scope, entity_id, month, null, sum(amount) from had_part inner join hand.won using (deal_id) group by all
) group by all;

create table hand.resolution_monthly as
with moved as (
    select deal_id, month, change_number, partner_id, grouping(partner_id) = 1 as is_company, any_value(abs(amount)) as amount
    from (select *, unnest([from_branch_id, to_branch_id]) as branch_id from attribution.restatements)
    inner join (select branch_id, partner_id from core.dim_branch) using (branch_id)
    where branch_id != 'DIRECT'
    group by grouping sets ((deal_id, month, change_number, partner_id), (deal_id, month, change_number))
)
select if(is_company, 'company', 'partner') as scope, coalesce(partner_id, 'ALL') as entity_id, month,
    hand_is_over(month + interval 1 month) as is_complete, sum(resolved)::bigint as resolution_rate_numerator,
    sum(deals)::bigint as resolution_rate_denominator,
    hand_rate(sum(resolved), sum(deals), 1) as resolution_rate,
    sum(resolved_amount)::decimal(18, 2) as resolution_rate_amount_numerator,
    sum(amount)::decimal(18, 2) as resolution_rate_amount_denominator,
    if(sum(amount) > 0, sum(resolved_amount)::double / sum(amount)::double, null) as resolution_rate_amount,
    sum(restated)::decimal(18, 2) as restated_amount
from (
    select grouping(partner_id) = 1 as is_company, partner_id, date_trunc('month', credit_on)::date as month,
        count(*) filter (is_resolved) as resolved, count(*) as deals,
        coalesce(sum(abs(amount)) filter (is_resolved), 0) as resolved_amount, coalesce(sum(abs(amount)), 0) as amount,
        0::decimal(18, 2) as restated
    from (
        select partner_id, credit_on, amount, branch_id != 'UNRESOLVED' and not starts_with(branch_id, 'UNKNOWN:') as is_resolved
        from core.fct_deals where branch_id != 'DIRECT'
    ) group by grouping sets ((partner_id, date_trunc('month', credit_on)::date), (date_trunc('month', credit_on)::date))
    union all
    select is_company, partner_id, month, 0, 0, 0, 0, sum(amount) from moved group by all
) group by all;

create table hand.two_tier_monthly as
select distributor_id, branch_id, partner_id, month, hand_is_over(month + interval 1 month) as is_complete,
    count(*) filter (is_won) as deals_won, coalesce(sum(amount), 0)::decimal(18, 2) as won_amount
from hand.won inner join (select distinct deal_id, acting_partner_id as distributor_id from intermediate.int_deal_distributors)
    using (deal_id)
group by all;

-- Where everybody stands on its ladder since when: stays, one after another, then what happened in each.
create table hand.stays as
with departures as (
    select rep_id, told.left_on, min(valid_from) filter (valid_from >= told.left_on) as returned_on
    from (select distinct rep_id, left_on from staging.stg_reps where left_on is not null) as told
    inner join core.dim_rep as reps using (rep_id) left join core.dim_rep_assignment using (rep_id)
    group by rep_id, told.left_on, reps.left_on
    having told.left_on = reps.left_on
        or (max(valid_from) >= told.left_on and not bool_or(valid_from <= told.left_on and told.left_on < valid_to))
),
begun as (
    select entity_type, entity_id, started_on, started_on as signed_on, ended_on from intermediate.int_contracts
    union all
    select 'rep', arrivals.rep_id, started_on, null, left_on
    from (
        select rep_id, null::date as started_on from core.dim_rep
        union select rep_id, returned_on from departures where returned_on is not null
    ) as arrivals asof left join departures
        on arrivals.rep_id = departures.rep_id and coalesce(started_on, date '1900-01-01') < left_on
),
entities as (
    select 'partner' as entity_type, partner_id as entity_id, null::date as known_on, contract_ended_on as ended_on
    from core.dim_partner where not is_sentinel
    union all
    select 'branch', branch_id, opened_on, least(contract_ended_on, closed_on) from core.dim_branch where not is_sentinel
    union all
    select 'rep', rep_id, min(valid_from), null
    from core.dim_rep left join core.dim_rep_assignment using (rep_id) where not is_sentinel group by rep_id
)
select entity_type, entity_id, signed_on, coalesce(begun.ended_on, entities.ended_on, date '9999-12-31') as ended_on,
    if(row_number() over time_after_time = 1 and entity_type != 'partner', known_on, started_on) as known_on,
    if(row_number() over time_after_time = 1, date '1900-01-01', started_on) as since,
    coalesce(lead(started_on) over time_after_time, date '9999-12-31') as until
from entities left join begun using (entity_type, entity_id)
window time_after_time as (partition by entity_type, entity_id order by started_on nulls first);

create table hand.statuses as
with entries as (
    select *, count(*) as deals
    from (
        select unnest([
            {'entity_type': 'partner', 'entity_id': partner_id}, {'entity_type': 'branch', 'entity_id': branch_id},
            {'entity_type': 'rep', 'entity_id': rep_id}
        ], recursive := true), stage, entered_on as day
        from core.fct_stage_entries where is_counted and stage in ('open', 'won')
    ) group by all
),
counted as (
    select stays.entity_type, stays.entity_id, since, stage, day, lead(day) over so_far as next_day,
        row_number() over so_far = 1 as is_first, sum(deals) over so_far as deals, sum(deals) over so_far - deals as deals_before
    from entries asof inner join hand.stays as stays
        on entries.entity_type = stays.entity_type and entries.entity_id = stays.entity_id and day >= since
    window so_far as (partition by entries.entity_type, entries.entity_id, since, stage order by day)
),
touches as (
    select unnest([
        {'entity_type': 'partner', 'entity_id': partner_id}, {'entity_type': 'branch', 'entity_id': branch_id}
    ], recursive := true), day, 2 as step
    from (
        select distinct branch_id, partner_id, occurred_on as day from core.fct_activities where is_live and status = 'held'
    )
    union all
    select 'rep', rep_id, occurred_on, max(case
        when is_attended and activity_id in (
            select activity_id from core.fct_activities where activity_type = 'study_session'
        ) then 4 when is_two_way_touch then 3 else 2 end)
    from core.fct_attendance where is_live_touch and rep_id is not null group by rep_id, occurred_on
),
bounds as (select min(month) as first_month, (from intermediate.int_as_of) as as_of from intermediate.int_months),
changes as (
    select entity_type, entity_id, since, day, 5 as step, 0 as sleeps, 0 as ends from counted where stage = 'open' and is_first
    union all
    select entity_type, entity_id, since, day, if(deals = 1, 6, 7), 0, 0 from counted where stage = 'won' and deals_before < 2
    union all
    select entity_type, entity_id, since, unnest([asleep_on, next_day]), 0, unnest([1, -1]), 0
    from (select *, (day + interval ${active_window_months} month)::date as asleep_on from counted where stage = 'open')
    where coalesce(next_day, date '9999-12-31') > asleep_on
    union all
    select stays.entity_type, stays.entity_id, since, min(day), if(signed_on <= day, 4, step) as rung, 0, 0
    from touches asof inner join hand.stays as stays
        on touches.entity_type = stays.entity_type and touches.entity_id = stays.entity_id and day >= since
    group by stays.entity_type, stays.entity_id, since, rung
    union all
    select entity_type, entity_id, since, unnest([greatest(known_on, first_month), signed_on, ended_on]), unnest([1, 3, 0]), 0,
        unnest([0, 0, 1])
    from hand.stays cross join bounds
),
stood as (
    select entity_type, entity_id, greatest(day, first_month) as day,
        case when max(ends) over so_far = 1 then 9 when sum(sleeps) over so_far > 0 then 8 else max(step) over so_far end as step
    from changes inner join hand.stays as stays using (entity_type, entity_id, since) cross join bounds
    where day <= as_of and day < until and first_month < until
    window so_far as (partition by entity_type, entity_id, since order by day)
),
days as (select entity_type, entity_id, day, max(step) as step from stood group by all)
select entity_type, entity_id, status, day as valid_from
from days inner join kpi.status_ladder using (entity_type, step)
qualify step is distinct from lag(step) over (partition by entity_type, entity_id order by day);

create table hand.status_spells as
with statuses as (
    select 'typed' as basis, entity_type, entity_id, status, valid_from
    from staging.stg_status_history
    qualify row_number() over (
        partition by entity_type, entity_id, valid_from order by extracted_on desc, source_name, file_name, row_number
    ) = 1 and next_extracted_on is null
    union all
    select 'inferred', * from hand.statuses
),
changes as (
    from statuses
    qualify status is distinct from lag(status) over (partition by basis, entity_type, entity_id order by valid_from)
)
select changes.*, ladder.status as ladder_status, lead(changes.status) over its_way as next_status,
    lead(valid_from) over its_way as valid_to, valid_to is null as is_current,
    date_diff('day', valid_from, coalesce(valid_to, (from intermediate.int_as_of))) as dwell_days
from changes left join kpi.status_ladder as ladder
    on changes.entity_type = ladder.entity_type
    and lower(trim(changes.status)) in (ladder.status, lower(ladder.label), ladder.label_ja)
window its_way as (partition by basis, changes.entity_type, entity_id order by valid_from);

create table hand.status_transitions as
select entity_type, basis, status, next_status, hand_year(valid_to) as fiscal_year, hand_half(valid_to) as fiscal_half,
    count(*) as transitions, median(dwell_days)::double as median_dwell_days
from hand.status_spells where next_status is not null group by all;

create table hand.status_today as
with ranked as (
    select spells.*, label, label_ja,
        case when ladder.status in ('ended', 'left') then -1 when ladder.status = 'dormant' then 0 else step end as standing
    from hand.status_spells as spells left join kpi.status_ladder as ladder
        on spells.entity_type = ladder.entity_type and ladder_status = ladder.status
    where is_current
),
usual as (
    select entity_type, status, median(if(is_current or next_status in ('dormant', 'ended', 'left'), 100000, dwell_days)) as usual_days
    from hand.status_spells
    where basis = 'inferred' and valid_from > (select min(month) from intermediate.int_months)
    group by all having count(*) >= ${n_min} and usual_days < 50000
)
select entity_type, entity_id, here.status, here.label, here.label_ja, here.valid_from as since, here.dwell_days,
    usual_days::double as usual_days,
    coalesce(here.status not in ('repeat', 'ended', 'left') and here.dwell_days > usual_days * ${stuck_factor}, false)
        as is_stuck,
    typed.status as typed_status, typed.valid_from as typed_since, typed.ladder_status != here.status as is_different,
    if(typed.standing > here.standing, 'ahead', if(typed.standing < here.standing, 'behind', null)) as difference
from (from ranked where basis = 'inferred') as here left join usual using (entity_type, status)
left join (from ranked where basis = 'typed') as typed using (entity_type, entity_id);

-- What happened at a branch, and when it was known.
create table hand.branch_timeline as
from (
    from (
        select branch_id, unnest([
            {'happened_on': opened_on, 'known_on': null::date, 'event_type': 'opened', 'source_id': opened_on::varchar},
            {'happened_on': closed_on, 'known_on': null, 'event_type': 'closed', 'source_id': closed_on::varchar}
        ], recursive := true), branch_name as subject, null::decimal(18, 2) as amount
        from core.dim_branch
        union all
        select branch_id, unnest([
            {'on': if(valid_from > date '1900-01-01', valid_from, null), 'known': null, 'type': 'rep_joined'},
            {'on': if(valid_to < date '9999-12-31', valid_to, null), 'known': null, 'type': 'rep_left'}
        ], recursive := true), rep_id || ' ' || valid_from, rep_name, null
        from intermediate.int_rep_posts inner join core.dim_rep using (rep_id)
    ) where happened_on is not null
    union all
    from (
        select from_branch_id, effective_on, extracted_on, 'succeeded', from_branch_id || ' > ' || to_branch_id,
            to_branch_id, null
        from staging.stg_branch_successions
        qualify row_number() over (
            partition by from_branch_id, to_branch_id, effective_on order by extracted_on desc, source_name, file_name, row_number
        ) = 1 and next_extracted_on is null
    )
    union all
    select entity_id, valid_from, null, 'status', entity_id || ' ' || status, status, null
    from hand.status_spells where entity_type = 'branch' and basis = 'typed'
    union all
    select branch_id, recorded_on, extracted_on, 'case_' || kind, case_id, summary, null from staging.stg_cases
    union all
    select revenue.branch_id, revenue.recognized_on, first_extracted_on, event_type, deal_id || ' ' || event_id, deal_name,
        revenue.amount
    from core.fct_revenue as revenue inner join intermediate.int_deals using (deal_id)
    union all
    select activities.branch_id, occurred_on, coalesce((logged_at + interval 9 hour)::date, extracted_on),
        activities.activity_type, activity_id, activities.next_action, null
    from core.fct_activities as activities inner join staging.stg_activities using (activity_id)
    where activities.status = 'held'
        and activities.activity_type in ('study_session', 'joint_visit', 'regular_meeting', 'qbr', 'training')
)
semi join (select branch_id from core.dim_branch where not is_sentinel) using (branch_id);

-- On which customer who worked from when to when, and the pairs that met there: the partner's deal first, of two the lower id.
create table hand.claims as
select customer_id, deal_id, deals.branch_id, deals.partner_id, deals.channel_class, open_on as since,
    coalesce(least(deals.won_on, lost_on), date '9999-12-31') as until
from hand.deals inner join core.fct_deals using (deal_id)
where customer_id is not null and deals.channel_class != 'unresolved' and open_on is not null;

create table hand.channel_conflicts as
select one.customer_id, one.deal_id, other.deal_id as other_deal_id,
    if(other.channel_class = 'direct', 'direct_and_partner', 'two_partners') as conflict_kind, one.branch_id, one.partner_id,
    other.branch_id as other_branch_id, other.partner_id as other_partner_id, greatest(one.since, other.since) as conflict_from,
    nullif(least(one.until, other.until), date '9999-12-31') as conflict_to
from (from hand.claims where channel_class = 'indirect') as one
inner join hand.claims as other on one.customer_id = other.customer_id and one.partner_id != other.partner_id
    and one.since < other.until and other.since < one.until and (other.channel_class = 'direct' or one.deal_id < other.deal_id);

create table hand.profile_coverage as
with years as (
    select hand_year(month) as fiscal_year, max(month_end) as as_of, count(*) filter (is_complete) = 12 as is_complete
    from intermediate.int_months group by fiscal_year
),
told as (
    select branches.branch_id, any_value(partner_id) as partner_id, fiscal_year, years.as_of,
        any_value(is_complete) as is_complete,
        count(sales_headcount) > 0 as headcount, count(evaluation_scheme) > 0 as evaluation, count(focus_products) > 0 as products
    from (from core.dim_branch where is_focus and not is_sentinel) as branches inner join years
        on coalesce(opened_on, years.as_of) <= years.as_of and coalesce(closed_on, date '9999-12-31') > years.as_of
    left join staging.stg_branch_profiles as profiles
        on branches.branch_id = profiles.branch_id and fiscal_year = hand_year(profiles.as_of) and profiles.as_of <= years.as_of
    group by branches.branch_id, fiscal_year, years.as_of
)
select hand_scope(grouping(branch_id, partner_id)) as scope, coalesce(branch_id, partner_id, 'ALL') as entity_id, fiscal_year,
    as_of, any_value(is_complete) as is_complete, count(*) filter (headcount) as headcount_known,
    count(*) filter (evaluation) as evaluation_known,
    count(*) filter (products) as focus_products_known,
    count(*) filter (headcount and evaluation and products) as profile_coverage_numerator,
    count(*) as profile_coverage_denominator,
    profile_coverage_numerator::double / profile_coverage_denominator as profile_coverage
from told group by grouping sets ((branch_id, fiscal_year, as_of), (partner_id, fiscal_year, as_of), (fiscal_year, as_of));

create macro hand_quarters(day) as (hand_number(day) - 1) // 3;

create table hand.conflict_rate as
with spans as (
    select customer_id, since, until, false as is_conflict from hand.claims where channel_class = 'indirect'
    union all
    select customer_id, conflict_from, coalesce(conflict_to, date '9999-12-31'), true from hand.channel_conflicts
),
counted as (
    select q, count(distinct customer_id) filter (is_conflict) as conflicts,
        count(distinct customer_id) filter (not is_conflict) as customers
    from (
        select customer_id, is_conflict, unnest(range(hand_quarters(since), hand_quarters(least(until, last_on)) + 1)) as q
        from spans inner join (select last_day(max(month)) as last_on from intermediate.int_months) on since <= last_on
    ) group by q
)
select quarter_from, hand_year(quarter_from) as fiscal_year, hand_quarter(quarter_from) as fiscal_quarter,
    is_complete, coalesce(conflicts, 0) as conflict_rate_numerator, coalesce(customers, 0) as conflict_rate_denominator,
    hand_rate(coalesce(conflicts, 0), customers, ${n_min}) as conflict_rate
from (
    select hand_quarters(month) as q, min(month) as quarter_from, count(*) filter (is_complete) = 3 as is_complete
    from intermediate.int_months group by q
)
left join counted using (q);

create table hand.halves as
select hand_year(month) as fiscal_year, hand_half(month) as fiscal_half,
    min(month) as first_month, max(month) as last_month, last_day(max(month)) as last_on,
    count(*) filter (is_complete) = 6 as is_complete, arg_max(has_twelve_months, month) as has_twelve_months
from intermediate.int_months group by 1, 2;

create table hand.inquiry_index as
with asked as (
    select first_month, coalesce(industry, 'unknown') as industry, count(*) as inquiries,
        count(became_partner_id) as became_partner
    from staging.stg_inquiries inner join hand.halves on (received_at + interval 9 hour)::date between first_month and last_on
    where kind in ('resale', 'referral', 'oem') group by all
),
customers as (select coalesce(industry, 'unknown') as industry, count(*) as customers from core.dim_customer group by 1),
counted as (
    select industry, first_month as period_start, fiscal_year, fiscal_half, is_complete, coalesce(inquiries, 0) as inquiries,
        coalesce(became_partner, 0) as became_partner, coalesce(customers, 0) as customers,
        coalesce(sum(inquiries) filter (industry != 'unknown') over half, 0)::bigint as all_inquiries,
        coalesce(sum(customers) filter (industry != 'unknown') over half, 0)::bigint as all_customers,
        if(industry != 'unknown' and all_customers > 0, all_inquiries * customers::double / all_customers, null)
            as expected_inquiries
    from (select industry from asked union select industry from customers) cross join hand.halves
    left join asked using (first_month, industry) left join customers using (industry)
    window half as (partition by first_month)
)
select *, if(all_inquiries >= ${n_min} and expected_inquiries >= 1, inquiries / expected_inquiries, null) as inquiry_index
from counted;

create table hand.prefecture_coverage as
with branches as (
    select * replace (coalesce(prefecture, 'unknown') as prefecture) from core.dim_branch where not is_sentinel
),
prefectures as (
    select prefecture from core.dim_branch where prefecture is not null
    union select prefecture from core.dim_customer where prefecture is not null
    union select 'unknown'
),
open_branches as (
    select prefecture, last_month, count(*) as branches
    from branches inner join hand.halves on coalesce(opened_on <= last_on, true) and coalesce(closed_on > last_on, true)
    group by all
),
winners as (
    select prefecture, last_month, count(distinct branch_id) as producing_branches
    from (select distinct branch_id, month from hand.won where is_won)
    inner join branches using (branch_id)
    inner join hand.halves on month <= last_month and month > last_month - interval 12 month
    group by all
),
bought as (
    select prefecture, last_month, sum(amount) as amount, sum(indirect) as indirect
    from (
        select coalesce(prefecture, 'unknown') as prefecture, recognized_month as month, sum(amount) as amount,
            sum(amount) filter (channel_class = 'indirect') as indirect
        from core.fct_revenue left join core.dim_customer using (customer_id) where is_counted group by all
    ) inner join hand.halves on month <= last_month and month > last_month - interval 12 month
    group by all
)
select prefecture, last_month, fiscal_year, fiscal_half, is_complete, has_twelve_months,
    coalesce(open_branches.branches, 0) as branches,
    coalesce(producing_branches, 0) as producing_branches, producing_branches is not null as is_covered,
    coalesce(amount, 0)::decimal(18, 2) as customers_won_amount,
    coalesce(indirect, 0)::decimal(18, 2) as customers_won_amount_indirect
from prefectures cross join hand.halves left join open_branches using (prefecture, last_month)
left join winners using (prefecture, last_month) left join bought using (prefecture, last_month);

-- Why money changed from the same months a year before: each year, half and quarter, of the company and of each partner.
create table hand.revenue_decomposition as
with whole_months as (
    select hand_number(min(month)) + 12 as first_n, hand_number(max(month)) as last_n
    from intermediate.int_months cross join intermediate.int_as_of where last_day(month) <= as_of
),
dated as (
    select *, n - (n - 4) % months as start
    from (
        select won.partner_id, branch_id, rep_id, is_sentinel, is_won, amount, rep_id != 'NONE' and not is_sentinel as is_known,
            is_previous, hand_number(month) + if(is_previous, 12, 0) as n, unnest([12, 6, 3]) as months
        from hand.won inner join core.dim_branch using (branch_id) cross join (values (false), (true)) as sides (is_previous)
        where channel_class = 'indirect'
    ) inner join whole_months on n between first_n and last_n
),
totals as (
    select if(grouping(partner_id) = 0, 'partner', 'company') as scope, coalesce(partner_id, 'ALL') as entity_id, months, start,
        coalesce(sum(amount) filter (not is_previous), 0) as money, coalesce(sum(amount) filter (is_previous), 0) as money_0,
        coalesce(sum(amount) filter (is_known and not is_previous), 0) as known,
        coalesce(sum(amount) filter (is_known and is_previous), 0) as known_0,
        count(distinct branch_id) filter (is_won and not is_sentinel and not is_previous) as branches,
        count(distinct branch_id) filter (is_won and not is_sentinel and is_previous) as branches_0,
        count(distinct rep_id) filter (is_won and is_known and not is_previous) as reps,
        count(distinct rep_id) filter (is_won and is_known and is_previous) as reps_0,
        count(*) filter (is_won and is_known and not is_previous) as wins,
        count(*) filter (is_won and is_known and is_previous) as wins_0
    from dated group by grouping sets ((partner_id, months, start), (months, start))
),
-- How few branches make four fifths of the money, which that of no known branch is part of.
largest as (
    select scope, entity_id, months, start, if(max(running) >= 0.8 * max(total), count(*), null) as units_to_80
    from (
        select *, sum(money) over (partition by scope, entity_id, months, start) as total,
            sum(if(is_sentinel, 0, money)) over (
                partition by scope, entity_id, months, start order by money desc, branch_id rows unbounded preceding
            ) as running
        from (
            select if(grouping(partner_id) = 0, 'partner', 'company') as scope, coalesce(partner_id, 'ALL') as entity_id, months,
                start, branch_id, any_value(is_sentinel) as is_sentinel, coalesce(sum(amount), 0) as money
            from dated where not is_previous
            group by grouping sets ((partner_id, months, start, branch_id), (months, start, branch_id))
        )
    ) where not is_sentinel and money > 0 and running - money < 0.8 * total group by all
),
-- Shares of the change by logarithmic means, which add up to it; rounded as running sums, so that they do to the minor unit.
explained as (
    select *, known - known_0 as change, hand_rate(reps, branches, 1) as depth, hand_rate(reps_0, branches_0, 1) as depth_0,
        hand_rate(wins, reps, 1) as pace, hand_rate(wins_0, reps_0, 1) as pace_0,
        if(known > 0, hand_rate(known, wins, 1), null) as size,
        if(known_0 > 0, hand_rate(known_0, wins_0, 1), null) as size_0,
        list_transform(
            [
                branches / branches_0, branches / branches_0 * (depth / depth_0),
                branches / branches_0 * (depth / depth_0) * (pace / pace_0)
            ],
            lambda ratio, place: round(case when wins = 0 and wins_0 = 0 then 0
                when wins = 0 or wins_0 = 0 then if(place = 1 and branches > 0 and branches_0 > 0, 0, change)
                when known <= 0 or known_0 <= 0 then 0 when change = 0 then known::double * ln(ratio)
                else change::double / ln(known::double / known_0::double) * ln(ratio) end, 0)::decimal(18, 2)
        ) as parts
    from totals
)
select scope, entity_id, case months when 12 then 'year' when 6 then 'half' else 'quarter' end as period_type,
    make_date((start - 1) // 12, (start - 1) % 12 + 1, 1) as period_start, hand_year(period_start) as fiscal_year,
    case months when 12 then 'FY' when 6 then hand_half(period_start)
        else hand_quarter(period_start) end as fiscal_period,
    start + months - 1 <= last_n as is_complete, money::decimal(18, 2) as won_amount,
    money_0::decimal(18, 2) as previous_won_amount, (money - money_0)::decimal(18, 2) as change_amount,
    known::decimal(18, 2) as known_amount, known_0::decimal(18, 2) as previous_known_amount,
    (money - known)::decimal(18, 2) as unassigned_amount, (money_0 - known_0)::decimal(18, 2) as previous_unassigned_amount,
    branches as active_branches, reps as producing_reps, wins as deals_won,
    depth as reps_per_branch, pace as wins_per_rep, size as average_deal, branches_0 as previous_active_branches,
    reps_0 as previous_producing_reps, wins_0 as previous_deals_won, depth_0 as previous_reps_per_branch,
    pace_0 as previous_wins_per_rep, size_0 as previous_average_deal, parts[1] as active_branches_effect,
    (parts[2] - parts[1])::decimal(18, 2) as reps_per_branch_effect, (parts[3] - parts[2])::decimal(18, 2) as wins_per_rep_effect,
    (change - parts[3])::decimal(18, 2) as average_deal_effect, (money - money_0 - change)::decimal(18, 2) as unassigned_effect,
    units_to_80
from explained cross join whole_months left join largest using (scope, entity_id, months, start);
