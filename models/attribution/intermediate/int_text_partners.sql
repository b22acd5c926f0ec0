-- One row per text, credit date, registered partner that the text names at its start, and branch of that partner that the
-- rest of the text names. Where the rest names no branch, the row has the partner alone. A partner that had the name on
-- another day only (is_borne is false) counts only where an id names it, too, and as a candidate.
with deals as (
    select * from {{ ref('int_deal_texts') }}
),

texts as (
    select * from {{ ref('stg_texts') }}
),

readings as (
    select * from {{ ref('stg_readings') }}
),

partner_names as (
    select * from {{ ref('int_partner_names') }}
),

identity as (
    select * from {{ ref('int_partner_identity') }}
),

branch_names as (
    select * from {{ ref('int_open_branch_names') }}
),

-- A text is read once per day, regardless of how many deals have it.
dated_texts as (
    select distinct partner_text as text, credit_on from deals where partner_text is not null
    union
    select distinct branch_text as text, credit_on from deals where branch_text is not null
),

-- Every registered partner with a name at the start of the text, and whether it had the name on that day.
partner_readings as (
    select
        dated_texts.text,
        dated_texts.credit_on,
        readings.partner_key,
        readings.is_bounded,
        readings.branch_key,
        readings.branch_stem,
        readings.allows_stem,
        readings.spelling,
        names.partner_id,
        identity.acting_partner_id,
        case when substr(readings.spelling, 1, length(readings.partner_key)) = names.spelling then 0 else 1 end as spelling_rank,
        case when names.name_type = 'alias' then 0 else 1 end as name_rank,
        case
            when names.legal_form = texts.legal_form then 0
            when names.legal_form is null or texts.legal_form is null then 1
            else 2
        end as legal_form_rank,
        {{ is_within('dated_texts.credit_on', 'names.valid_from', 'names.valid_to') }} as is_borne
    from dated_texts
    inner join texts on dated_texts.text = texts.text
    inner join readings on dated_texts.text = readings.text
    inner join partner_names as names on readings.partner_key = names.name_key
    inner join identity
        on
            names.partner_id = identity.partner_id
            and {{ is_within('dated_texts.credit_on', 'identity.valid_from', 'identity.valid_to') }}
    where readings.partner_key != ''
),

-- The rest of a text, and the rest without its suffix for branches that are registered without one.
rests as (
    select distinct
        text, credit_on, partner_key, acting_partner_id, branch_key, allows_stem, spelling,
        branch_key as name_key, false as is_bare
    from partner_readings
    union all
    select distinct
        text, credit_on, partner_key, acting_partner_id, branch_key, allows_stem, spelling,
        branch_stem as name_key, true as is_bare
    from partner_readings
    where branch_stem is not null
),

-- Branches of that partner, on any day, in the rest of the text.
any_branches as (
    select
        rests.text,
        rests.credit_on,
        rests.partner_key,
        rests.acting_partner_id,
        rests.branch_key,
        branch_names.branch_id,
        case when rests.is_bare then 'stem' else branch_names.name_type end as name_type,
        {{ is_within('rests.credit_on', 'branch_names.opened_on', 'branch_names.closed_on') }} as is_open,
        {{ is_within('rests.credit_on', 'branch_names.valid_from', 'branch_names.valid_to') }} as is_valid,
        substr(rests.spelling, length(rests.partner_key) + 1, length(rests.name_key)) = branch_names.spelling as is_same_kanji,
        max(case when branch_names.name_type in ('name', 'alias') then length(rests.branch_key) else 0 end) over (
            partition by rests.text, rests.credit_on, rests.partner_key, rests.acting_partner_id
        ) as longest_name
    from rests
    inner join branch_names
        on
            rests.acting_partner_id = branch_names.acting_partner_id
            and rests.name_key = branch_names.name_key
            and rests.is_bare = (branch_names.name_type = 'bare')
    where rests.allows_stem or (branch_names.name_type != 'stem' and branch_names.is_bare is not true)
),

-- A department follows a branch only where no longer name is that of a branch on any day.
partner_branches as (
    select * from any_branches where is_valid and length(branch_key) >= longest_name
),

-- A registered name at the start counts only where a boundary or one of the partner's own branches follows.
bounded_readings as (
    select partner_readings.*, own_branches.text is not null as names_own_branch
    from partner_readings
    left join (select distinct text, credit_on, partner_key, acting_partner_id from partner_branches) as own_branches
        on
            partner_readings.text = own_branches.text
            and partner_readings.credit_on = own_branches.credit_on
            and partner_readings.partner_key = own_branches.partner_key
            and partner_readings.acting_partner_id = own_branches.acting_partner_id
    where partner_readings.is_bounded or own_branches.text is not null
),

-- The longest name comes first, then the same kanji, then an alias before a name, then the legal form of the text. A shorter name
-- without a branch does not count where the text begins with a longer one that another company had on another day.
ranked_readings as (
    select
        *,
        rank() over (
            partition by text, credit_on, is_borne
            order by length(partner_key) desc nulls last, spelling_rank nulls last, name_rank, legal_form_rank
        ) as reading_rank,
        max(length(partner_key)) over (partition by text, credit_on) as longest,
        max(length(partner_key)) over (partition by text, credit_on, acting_partner_id) as own_longest,
        max(case when is_borne then length(partner_key) else 0 end) over (partition by text, credit_on) as longest_borne
    from bounded_readings
),

named_partners as (
    select
        text, credit_on, partner_key, acting_partner_id,
        min(name_rank) as name_rank,
        max(case when is_borne then 1 else 0 end) = 1 as is_borne
    from ranked_readings
    where reading_rank = 1 and (own_longest = longest or names_own_branch) and length(partner_key) >= longest_borne
    group by text, credit_on, partner_key, acting_partner_id
)

select
    named_partners.text,
    named_partners.credit_on,
    named_partners.partner_key,
    named_partners.acting_partner_id,
    case when named_partners.name_rank = 0 then 'alias' else 'name' end as matched_by,
    named_partners.is_borne,
    partner_branches.branch_key,
    partner_branches.branch_id,
    partner_branches.name_type as branch_name_type,
    partner_branches.is_open,
    partner_branches.is_same_kanji
from named_partners
left join partner_branches
    on
        named_partners.text = partner_branches.text
        and named_partners.credit_on = partner_branches.credit_on
        and named_partners.partner_key = partner_branches.partner_key
        and named_partners.acting_partner_id = partner_branches.acting_partner_id
