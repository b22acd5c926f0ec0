-- name: state
-- table: ops.release
-- key: release_id
select release_id, as_of, checks_passed, checks_warned, project_version from ops.release

-- name: counts
-- How much waits for a person. The lists below show the first rows only.
select
    (select count(*) from attribution.worklist) as to_decide,
    (select count(*) from attribution.wins_without_rep) as wins_without_rep,
    (select count(*) from ops.loads where status <> 'loaded') as files_not_loaded

-- name: held
-- table: ops.loads
-- key: load_id
select load_id, dataset, source_name, file_name, extracted_on, status, message, rows_read
from ops.loads
where status <> 'loaded'
order by loaded_at desc, load_id
limit 100

-- name: datasets
-- table: ops.datasets
-- key: dataset
select dataset, files, rows_read, rows_accepted, rows_rejected, latest_extract_on from ops.datasets order by dataset

-- name: findings
-- table: ops.findings
-- key: finding, dataset, column_name, names_dataset
select finding, dataset, column_name, names_dataset, rows_checked, rows_found, example, near_id
from ops.findings
order by finding desc, rows_found desc, dataset, column_name, names_dataset

-- name: rejected
-- table: ops.rejected_rows
-- key: dataset, reason, remedy
-- figure: rows_rejected = count(*)
select dataset, reason, remedy, count(*) as rows_rejected, min(file_name) as first_file
from ops.rejected_rows
group by dataset, reason, remedy
order by rows_rejected desc, dataset, reason
limit 100

-- name: worklist
-- table: attribution.worklist
-- key: deal_id
select
    deal_id, severity, deal_name, customer_name, partner_name, question, question_ja, amount, age_days,
    array_to_string(list_transform(
        list_slice(try_cast(candidates as json[]), 1, 3),  -- a pseudonym, where names are not published
        lambda one: coalesce(one ->> '$.branch_name', one ->> '$.partner_name', '')
        || ' [' || coalesce(one ->> '$.branch_id', one ->> '$.partner_id', '') || ']'
    ), ', ') as first_candidates
from attribution.worklist
order by severity, amount desc nulls last, deal_id
limit 300

-- name: wins
-- table: attribution.wins_without_rep
-- key: deal_id
select
    wins.deal_id, wins.deal_name, wins.customer_name, wins.branch_id, wins.branch_name, wins.won_on, wins.amount, candidates.names
from attribution.wins_without_rep as wins
left join (
    select deal_id, string_agg(rep_name || ' [' || rep_id || ']', ', ' order by candidate_rank) as names
    from attribution.rep_candidates
    where candidate_rank <= 3
    group by deal_id
) as candidates on wins.deal_id = candidates.deal_id
order by wins.amount desc nulls last, wins.deal_id
limit 300

-- name: restatements
-- table: attribution.restatements
-- key: deal_id, month, change_number
select deal_id, month, change_number, from_branch_id, from_amount, to_branch_id, to_amount, amount, cause
from attribution.restatements
order by month desc, abs(amount) desc, deal_id, change_number
limit 200
