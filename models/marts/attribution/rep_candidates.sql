-- Who may have won a deal without a salesperson, the likeliest first: reps who were at its branch on the credit date and
-- took part in an activity about the deal, sold to its customer, met the vendor before it, or were the only one there.
with deals as (
    select wins.deal_id, wins.branch_id, wins.credit_on, wins.won_on, facts.customer_id
    from {{ ref('wins_without_rep') }} as wins
    inner join {{ ref('fct_deals') }} as facts on wins.deal_id = facts.deal_id
),

present as (
    select distinct deals.deal_id, posts.rep_id
    from deals
    inner join {{ ref('dim_rep_assignment') }} as posts
        on deals.branch_id = posts.branch_id and {{ is_within('deals.credit_on', 'posts.valid_from', 'posts.valid_to') }}
),

found as (
    select deals.deal_id, attendance.rep_id, 'activity' as why, 1 as why_order, attendance.occurred_on as found_on
    from deals
    inner join {{ ref('fct_attendance') }} as attendance on deals.deal_id = attendance.deal_id
    where attendance.is_attended and attendance.rep_id is not null and attendance.occurred_on <= deals.won_on
    union all
    select deals.deal_id, others.rep_id, 'customer' as why, 2 as why_order, others.credit_on as found_on
    from deals
    inner join {{ ref('fct_deals') }} as others on deals.customer_id = others.customer_id and deals.branch_id = others.branch_id
    where others.rep_id != 'NONE'
    union all
    select deals.deal_id, evidence.rep_id, 'contact' as why, 3 as why_order, evidence.claimed_on as found_on
    from deals
    inner join {{ ref('deal_evidence') }} as evidence on deals.deal_id = evidence.deal_id
    where evidence.evidence_code = {{ evidence('activity') }} and evidence.rep_id is not null
    union all
    select deal_id, min(rep_id) as rep_id, 'only_rep' as why, 4 as why_order, cast(null as date) as found_on
    from present
    group by deal_id
    having count(*) = 1
),

reasons as (
    select deal_id, rep_id, why, why_order, count(*) as signals, max(found_on) as found_on
    from found
    group by deal_id, rep_id, why, why_order
),

ranked as (
    select
        reasons.deal_id,
        reasons.rep_id,
        {{ joined_texts('reasons.why', "', '", 'reasons.why_order') }} as why,
        row_number() over (
            partition by reasons.deal_id
            order by
                min(reasons.why_order) nulls last, sum(reasons.signals) desc nulls last,
                max(reasons.found_on) desc nulls last, reasons.rep_id
        ) as candidate_rank
    from reasons
    inner join present on reasons.deal_id = present.deal_id and reasons.rep_id = present.rep_id
    group by reasons.deal_id, reasons.rep_id
)

select
    ranked.deal_id,
    cast(ranked.candidate_rank as integer) as candidate_rank,
    ranked.rep_id,
    reps.rep_name,
    ranked.why
from ranked
inner join {{ ref('dim_rep') }} as reps on ranked.rep_id = reps.rep_id
where ranked.candidate_rank <= 5
