-- name: places
-- table: segment.branch_segments
-- key: branch_id, period_start
-- The branches of today in the last fiscal half that is over, and where they were in the half before.
select
    now.branch_id, now.period_start, now.period_end, branches.branch_name, partners.partner_name, branches.prefecture,
    now.potential_score, now.potential_cut, now.won_amount_t12m, now.deals_won_t12m, now.segment, now.support_mode, now.observed_mode,
    now.support_priority,
    people.headcount, before.segment as segment_before, before.potential_score as potential_before, before.won_amount_t12m as won_before
from segment.branch_segments as now
inner join core.dim_branch as branches on now.branch_id = branches.branch_id
inner join core.dim_partner as partners on now.partner_id = partners.partner_id
left join segment.branch_segments as before
    on now.branch_id = before.branch_id and before.period_end = now.period_start - interval 1 day
left join kpi.rep_concentration as people
    on
        people.scope = 'branch' and now.branch_id = people.entity_id
        and people.month = (select max(month) from kpi.rep_concentration where is_complete)
where
    now.period_start = (
        select coalesce(max(case when segments.period_end < today.as_of then segments.period_start end), max(segments.period_start))
        from segment.branch_segments as segments cross join ops.release as today
    )
order by now.support_priority nulls last, now.branch_id

-- name: modes
-- table: segment.branch_segments
-- key: period_start, segment, support_mode, observed_mode
-- figure: branches = count(*)
-- figure: won_amount_t12m = sum(won_amount_t12m)
select period_start, segment, support_mode, observed_mode, count(*) as branches, sum(won_amount_t12m) as won_amount_t12m
from segment.branch_segments
where
    period_start = (
        select coalesce(max(case when segments.period_end < today.as_of then segments.period_start end), max(segments.period_start))
        from segment.branch_segments as segments cross join ops.release as today
    )
group by period_start, segment, support_mode, observed_mode
order by segment, support_mode, observed_mode
