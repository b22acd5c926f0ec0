-- A row without a name in done_by was not done yet. The latest row of a branch and list counts; one whose note is "withdraw"
-- takes the result back.
with decided as (
    select
        *,
        row_number() over (
            partition by branch_id, listed_on order by extract_number desc nulls last, source_name, file_name, row_number
        ) as recency
    from ({{ extract_rows('worklist_results') }}) as landed
    where done_by is not null or lower(note) = 'withdraw'
)

select
    branch_id,
    listed_on,
    done_by,
    done_on,
    action_type,
    rep_id,
    duration_minutes,
    note,
    note_audience,
    next_action,
    next_action_due_on,
    source_name,
    file_name,
    row_number,
    extracted_on
from decided
where recency = 1 and coalesce(lower(note), '') != 'withdraw'
