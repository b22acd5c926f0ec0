-- One row per deal and rep of the known partner whom the deal's rep text names; rep_id is null where no rep has that name. A rep
-- who has the name on other days only is a candidate.
with deals as (
    select deal_id, credit_on, rep_text, known_partner_id from {{ ref('int_deal_partners') }} where rep_text is not null
),

texts as (
    select text, name_key, person_key from {{ ref('stg_texts') }}
),

rep_names as (
    select * from {{ ref('int_rep_names') }}
),

branches as (
    select branch_id, opened_on, closed_on from {{ ref('int_branches') }}
),

asked_texts as (
    select distinct rep_text as text, credit_on, known_partner_id as acting_partner_id
    from deals
    where known_partner_id is not null
),

person_keys as (
    select text, name_key from texts where name_key is not null
    union
    select text, person_key as name_key from texts where person_key is not null
),

-- All reps of that name who ever had an assignment at the partner. If some of them have one on the day, only these count.
namesakes as (
    select
        asked_texts.text,
        asked_texts.credit_on,
        asked_texts.acting_partner_id,
        names.rep_id,
        max(
            case
                when
                    {{ is_within('asked_texts.credit_on', 'names.valid_from', 'names.valid_to') }}
                    and {{ is_within('asked_texts.credit_on', 'names.named_from', 'names.named_to') }}
                    then 1
                else 0
            end
        ) as is_posted,
        max(
            case when {{ is_within('asked_texts.credit_on', 'names.named_from', 'names.named_to') }} then 1 else 0 end
        ) as is_named,
        max(
            case when {{ is_within('asked_texts.credit_on', 'names.valid_from', 'names.valid_to') }} then names.branch_id end
        ) as branch_id
    from asked_texts
    inner join person_keys on asked_texts.text = person_keys.text
    inner join rep_names as names
        on asked_texts.acting_partner_id = names.acting_partner_id and person_keys.name_key = names.name_key
    group by asked_texts.text, asked_texts.credit_on, asked_texts.acting_partner_id, names.rep_id
),

reps_of_texts as (
    select
        *,
        count(*) over (partition by text, credit_on, acting_partner_id, branch_id) as reps_at_branch,
        count(*) over namesakes_of_day as rep_count,
        min(case when is_open then 1 else 0 end) over namesakes_of_day as are_all_placed
    from (
        select
            namesakes.*,
            max(namesakes.is_posted) over (
                partition by namesakes.text, namesakes.credit_on, namesakes.acting_partner_id
            ) as is_any_posted,
            (branches.opened_on is null or branches.opened_on <= namesakes.credit_on)
            and (branches.closed_on is null or namesakes.credit_on < branches.closed_on)
            and branches.branch_id is not null as is_open
        from namesakes
        left join branches on namesakes.branch_id = branches.branch_id
    ) as marked
    where is_posted = is_any_posted
    window namesakes_of_day as (partition by text, credit_on, acting_partner_id)
)

-- Two reps of one name in one branch give the branch and no rep. If one of several has no open branch, none of them counts.
select
    deals.deal_id,
    deals.rep_text as raw_value,
    case when reps_of_texts.rep_id is not null then 'name' end as matched_by,
    case when reps_of_texts.are_all_placed = 1 or reps_of_texts.rep_count = 1 then reps_of_texts.branch_id end as branch_id,
    case when reps_of_texts.reps_at_branch = 1 then reps_of_texts.rep_id end as rep_id,
    deals.known_partner_id as acting_partner_id,
    case
        when deals.known_partner_id is null then 'PARTNER_UNKNOWN'
        when reps_of_texts.rep_id is null or reps_of_texts.is_named = 0 then 'REP_UNKNOWN'
        when reps_of_texts.is_posted = 0 then 'REP_NO_ASSIGNMENT'
        when reps_of_texts.rep_count = 1 and reps_of_texts.branch_id is not null and not reps_of_texts.is_open
            then 'BRANCH_CLOSED_AT_DATE'
        when reps_of_texts.are_all_placed = 0 then 'REP_MULTI_BRANCH'
    end as reason
from deals
left join reps_of_texts
    on
        deals.rep_text = reps_of_texts.text
        and deals.credit_on = reps_of_texts.credit_on
        and deals.known_partner_id = reps_of_texts.acting_partner_id
