-- One row per deal, text and branch that the text names; branch_id is null where no branch is found. Two texts of a deal may
-- name a branch: the partner text, after the partner's name, and the branch text.
with deals as (
    select * from {{ ref('int_deal_partners') }}
),

text_partners as (
    select * from {{ ref('int_text_partners') }}
),

readings as (
    select * from {{ ref('stg_readings') }}
),

branch_names as (
    select * from {{ ref('int_open_branch_names') }}
),

-- Branch texts that are complete by themselves: a partner and one of its branches.
whole_branch_texts as (
    select text_partners.text, text_partners.credit_on, min(text_partners.acting_partner_id) as acting_partner_id
    from text_partners
    where text_partners.branch_id is not null and text_partners.is_borne
    group by text_partners.text, text_partners.credit_on
    having count(distinct text_partners.acting_partner_id) = 1
),

-- Both texts may name a branch. A branch text is compared with the branches of the known partner first, then with the
-- branches of the partner that the text itself names.
placed_texts as (
    select
        deal_id, partner_text as text, credit_on, text_partner_id as acting_partner_id,
        false as is_branch_text, 1 as preference
    from deals
    where text_partner_id is not null
    union all
    select
        deal_id, branch_text as text, credit_on, known_partner_id as acting_partner_id,
        true as is_branch_text, 1 as preference
    from deals
    where branch_text is not null and known_partner_id is not null
    union all
    select
        deals.deal_id, deals.branch_text as text, deals.credit_on, whole_branch_texts.acting_partner_id,
        true as is_branch_text, 2 as preference
    from deals
    inner join whole_branch_texts
        on deals.branch_text = whole_branch_texts.text and deals.credit_on = whole_branch_texts.credit_on
),

asked_texts as (
    select distinct text, credit_on, acting_partner_id, is_branch_text from placed_texts
),

-- Nothing may follow the partner's name in a text. Such a text names no branch.
without_branch as (
    select distinct text_partners.text, text_partners.credit_on, text_partners.acting_partner_id
    from text_partners
    inner join readings on text_partners.text = readings.text and text_partners.partner_key = readings.partner_key
    where readings.branch_key = ''
),

-- The same rules as in int_text_partners: the text may have a suffix that the name lacks, and a department follows a branch only
-- where no longer name is that of a branch on any day.
rests as (
    select text, branch_key, allows_stem, spelling, branch_key as name_key, false as is_bare
    from readings
    where partner_key = ''
    union all
    select text, branch_key, allows_stem, spelling, branch_stem as name_key, true as is_bare
    from readings
    where partner_key = '' and branch_stem is not null
),

branches_of_branch_texts as (
    select
        asked_texts.text, asked_texts.credit_on, asked_texts.acting_partner_id, asked_texts.is_branch_text,
        rests.branch_key, branch_names.branch_id,
        case when rests.is_bare then 'stem' else branch_names.name_type end as name_type,
        {{ is_within('asked_texts.credit_on', 'branch_names.opened_on', 'branch_names.closed_on') }} as is_open,
        {{ is_within('asked_texts.credit_on', 'branch_names.valid_from', 'branch_names.valid_to') }} as is_valid,
        substr(rests.spelling, 1, length(rests.name_key)) = branch_names.spelling as is_same_kanji,
        max(case when branch_names.name_type in ('name', 'alias') then length(rests.branch_key) else 0 end) over (
            partition by asked_texts.text, asked_texts.credit_on, asked_texts.acting_partner_id
        ) as longest_name
    from asked_texts
    inner join rests on asked_texts.text = rests.text
    inner join branch_names
        on
            asked_texts.acting_partner_id = branch_names.acting_partner_id
            and rests.name_key = branch_names.name_key
            and rests.is_bare = (branch_names.name_type = 'bare')
    where
        asked_texts.is_branch_text
        and (rests.allows_stem or (branch_names.name_type != 'stem' and branch_names.is_bare is not true))
),

found_branches as (
    select
        asked_texts.text, asked_texts.credit_on, asked_texts.acting_partner_id, asked_texts.is_branch_text,
        text_partners.branch_key, text_partners.branch_id, text_partners.branch_name_type as name_type,
        text_partners.is_open, text_partners.is_same_kanji
    from asked_texts
    inner join text_partners
        on
            asked_texts.text = text_partners.text
            and asked_texts.credit_on = text_partners.credit_on
            and asked_texts.acting_partner_id = text_partners.acting_partner_id
    where text_partners.branch_id is not null
    union all
    select text, credit_on, acting_partner_id, is_branch_text, branch_key, branch_id, name_type, is_open, is_same_kanji
    from branches_of_branch_texts
    where is_valid and length(branch_key) >= longest_name
),

-- An open branch comes before a closed one, a whole name before a stem, a longer whole name before a shorter one, the same kanji
-- before a variant. If several branches remain, it is a tie: they have the same name, or the text can be cut into stem and rest
-- in several ways.
branches_of_texts as (
    select
        text, credit_on, acting_partner_id, is_branch_text, branch_id, is_open,
        case min(case name_type when 'name' then 0 when 'alias' then 1 else 2 end)
            when 0 then 'name' when 1 then 'alias' else 'stem'
        end as matched_by
    from (
        select
            found_branches.*,
            rank() over (
                partition by text, credit_on, acting_partner_id, is_branch_text
                order by
                    case when is_open then 0 else 1 end,
                    case when name_type = 'stem' then 1 else 0 end,
                    case when name_type = 'stem' then 0 else length(branch_key) end desc nulls last,
                    case when is_same_kanji then 0 else 1 end
            ) as match_rank
        from found_branches
    ) as ranked
    where match_rank = 1
    group by text, credit_on, acting_partner_id, is_branch_text, branch_id, is_open
),

asked_partners as (
    select deal_id, text, credit_on, acting_partner_id, is_branch_text
    from (
        select
            placed_texts.*,
            row_number() over (
                partition by placed_texts.deal_id, placed_texts.is_branch_text
                order by case when found.text is null then 1 else 0 end, placed_texts.preference
            ) as choice
        from placed_texts
        left join (select distinct text, credit_on, acting_partner_id, is_branch_text from branches_of_texts) as found
            on
                placed_texts.text = found.text
                and placed_texts.credit_on = found.credit_on
                and placed_texts.acting_partner_id = found.acting_partner_id
                and placed_texts.is_branch_text = found.is_branch_text
    ) as ranked
    where choice = 1
)

select
    asked_partners.deal_id,
    asked_partners.text as raw_value,
    branches_of_texts.matched_by,
    branches_of_texts.branch_id,
    asked_partners.acting_partner_id,
    case
        when branches_of_texts.branch_id is null then 'BRANCH_UNKNOWN'
        when not branches_of_texts.is_open then 'BRANCH_CLOSED_AT_DATE'
    end as reason
from asked_partners
left join branches_of_texts
    on
        asked_partners.text = branches_of_texts.text
        and asked_partners.credit_on = branches_of_texts.credit_on
        and asked_partners.acting_partner_id = branches_of_texts.acting_partner_id
        and asked_partners.is_branch_text = branches_of_texts.is_branch_text
left join without_branch
    on
        asked_partners.text = without_branch.text
        and asked_partners.credit_on = without_branch.credit_on
        and asked_partners.acting_partner_id = without_branch.acting_partner_id
where branches_of_texts.branch_id is not null or without_branch.text is null
union all
-- A branch text of a deal whose partner is not known.
select
    deal_id,
    branch_text as raw_value,
    null as matched_by,
    null as branch_id,
    null as acting_partner_id,
    'PARTNER_UNKNOWN' as reason
from deals
where branch_text is not null and known_partner_id is null
